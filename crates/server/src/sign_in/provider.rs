//! What does the identity provider say? It is asked where its doors are, and for the token of somebody who comes back from it;
//! who that is, is believed only of a token that it has signed for this server and this very sign-in.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType,
    CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthorizationCode, Client, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata,
    RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _,
};
use policy::Timestamp;
use policy::settings::server::SignIn;
use policy::settings::{Claim, Claims};
use rollout::request::Proof;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::web::Web;

/// What a provider says of itself is asked anew after so long.
const KEPT: Duration = Duration::from_hours(1);

/// Where the provider sends people back to.
pub(super) const RETURN: &str = "/sign-in/return";

/// The identity provider, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    issuer: String,
    metadata: Metadata,
    at: Instant,
}

/// What is said of a provider beyond what the library knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct More {
    /// It names itself when it sends somebody back (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Everything else that a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rest(BTreeMap<String, Value>);

impl AdditionalClaims for Rest {}

type Fields = IdTokenFields<
    Rest,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type OidcClient = Client<
    Rest,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a token may be signed with: never with a secret that both know, and never with nothing.
const SIGNED_BY: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A sign-in for which somebody was sent to the provider.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UnderWay {
    /// At which provider.
    pub(super) issuer: String,
    /// What it must bring back.
    pub(super) state: String,
    /// What the token must name.
    nonce: String,
    /// What proves that the code is asked in by who asked for it.
    verifier: String,
    /// When they were sent.
    pub(super) at: Timestamp,
    /// They must prove anew who they are.
    pub(super) is_again: bool,
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSignedIn {
    /// The provider cannot be asked.
    #[error("the identity provider cannot be used: {0}")]
    Provider(String),
    /// What came back is not the end of this sign-in.
    #[error("{0}")]
    Refused(&'static str),
}

impl Provider {
    /// Sends somebody to the provider: the address, and what is to be remembered until they are back.
    pub(super) async fn send(
        &self,
        web: &Web,
        setup: &Setup<'_>,
        is_again: bool,
    ) -> Result<(String, UnderWay), NotSignedIn> {
        let metadata = self.metadata(web, &setup.sign_in.issuer, false).await?;
        let client = client(metadata, setup)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(setup.sign_in.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        if is_again {
            let request_again = request.add_prompt(CoreAuthPrompt::Login);
            request = request_again.set_max_age(Duration::ZERO);
        }
        let (url, state, nonce) = request.url();
        let under_way = UnderWay {
            issuer: setup.sign_in.issuer.clone(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            at: setup.now,
            is_again,
        };
        Ok((url.into(), under_way))
    }

    /// Who somebody is who is back from the provider with a code.
    pub(super) async fn take(
        &self,
        web: &Web,
        setup: &Setup<'_>,
        under_way: UnderWay,
        code: String,
    ) -> Result<Proof, NotSignedIn> {
        let issuer = &setup.sign_in.issuer;
        let metadata = self.metadata(web, issuer, false).await?;
        let by_metadata = client(metadata, setup)?;
        let request = by_metadata
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| NotSignedIn::Provider(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(under_way.verifier));
        let answer = request.request_async(&web.asking()).await;
        let answer = answer.map_err(not_exchanged)?;
        let token = answer.id_token().ok_or(NotSignedIn::Refused(
            "the identity provider gave no token that says who signs in",
        ))?;
        let nonce = Nonce::new(under_way.nonce);
        let verifier = by_metadata.id_token_verifier().set_allowed_algs(SIGNED_BY);
        let claims = match token.claims(&verifier, &nonce) {
            Ok(claims) => claims.clone(),
            Err(first) => {
                tracing::info!(error = %first, "a token does not verify; the keys are read again");
                let metadata = self.metadata(web, issuer, true).await?;
                let by_metadata = client(metadata, setup)?;
                let verifier = by_metadata.id_token_verifier().set_allowed_algs(SIGNED_BY);
                token.claims(&verifier, &nonce).cloned().map_err(|error| {
                    tracing::warn!(%error, "a token does not verify");
                    NotSignedIn::Refused("the token of the identity provider does not verify")
                })?
            }
        };
        let auth_time = claims.auth_time();
        if under_way.is_again && auth_time.is_none_or(|at| at + SKEW < under_way.at) {
            return Err(NotSignedIn::Refused(
                "the identity provider did not ask again who they are",
            ));
        }
        let said = serde_json::to_value(&claims).unwrap_or_default();
        let proof =
            Proof::oidc(issuer, claims.subject(), setup.now).claiming(claimed(setup.claims, &said));
        // One whose clock is ahead has not asked in the future.
        Ok(match auth_time {
            Some(at) => proof.fresh_since(at.min(setup.now)),
            None => proof,
        })
    }

    /// Whether the provider that sends somebody back is the one to which they were sent.
    pub(super) async fn check_named(
        &self,
        web: &Web,
        issuer: &str,
        named: Option<&str>,
    ) -> Result<(), NotSignedIn> {
        let metadata = self.metadata(web, issuer, false).await?;
        let must_name = metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported;
        let is_right = named.map_or(!must_name, |named| named == issuer);
        match is_right {
            true => Ok(()),
            false => Err(NotSignedIn::Refused(
                "another identity provider has sent this than the one that was asked",
            )),
        }
    }

    async fn metadata(
        &self,
        web: &Web,
        issuer: &str,
        is_fresh: bool,
    ) -> Result<Metadata, NotSignedIn> {
        let mut known = self.known.lock().await;
        let kept = known
            .as_ref()
            .filter(|known| !is_fresh && known.issuer == issuer && known.at.elapsed() < KEPT);
        if let Some(kept) = kept {
            return Ok(kept.metadata.clone());
        }
        let url = IssuerUrl::new(issuer.to_owned());
        let url = url.map_err(|error| NotSignedIn::Provider(error.to_string()))?;
        let asked = Metadata::discover_async(url, &web.asking()).await;
        let metadata = asked.map_err(|error| {
            let cause = error
                .source()
                .map_or(String::new(), |cause| format!(": {cause}"));
            NotSignedIn::Provider(format!("{error}{cause}"))
        })?;
        *known = Some(Known {
            issuer: issuer.to_owned(),
            metadata: metadata.clone(),
            at: Instant::now(),
        });
        Ok(metadata)
    }
}

/// What a sign-in goes by.
pub(super) struct Setup<'a> {
    pub(super) sign_in: &'a SignIn,
    pub(super) secret: Option<SecretString>,
    /// The server's own address.
    pub(super) url: &'a str,
    /// What groups ask for.
    pub(super) claims: &'a Claims,
    pub(super) now: Timestamp,
}

/// The provider's clock may be so far from ours.
const SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

fn client(metadata: Metadata, setup: &Setup<'_>) -> Result<OidcClient, NotSignedIn> {
    let methods = metadata.token_endpoint_auth_methods_supported();
    let by_body = methods.is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    });
    let id = ClientId::new(setup.sign_in.client_id.clone());
    let secret = setup.secret.as_ref();
    let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
    let back = RedirectUrl::new(format!("{}{RETURN}", setup.url));
    let back = back.map_err(|error| NotSignedIn::Provider(error.to_string()))?;
    let client = OidcClient::from_provider_metadata(metadata, id, secret).set_redirect_uri(back);
    Ok(match by_body {
        true => client.set_auth_type(AuthType::RequestBody),
        false => client,
    })
}

/// Why a code gave no token: it was used before, say, or the provider is down.
fn not_exchanged<E: std::error::Error + 'static>(
    error: RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>,
) -> NotSignedIn {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            tracing::warn!(error = %answer.error().as_ref(), "a code was not taken");
            if *answer.error() == CoreErrorResponseType::InvalidGrant {
                return NotSignedIn::Refused(
                    "the identity provider does not take the code: it was used before, or is too old",
                );
            }
            NotSignedIn::Provider(format!("it answers {}", answer.error().as_ref()))
        }
        RequestTokenError::Request(error) => NotSignedIn::Provider(error.to_string()),
        RequestTokenError::Parse(error, _) => NotSignedIn::Provider(error.to_string()),
        RequestTokenError::Other(error) => NotSignedIn::Provider(error),
    }
}

/// Of what groups ask for, what a token says.
fn claimed(claims: &Claims, said: &Value) -> BTreeSet<Claim> {
    let is_said = |claim: &&Claim| match said.get(&claim.claim) {
        Some(Value::Array(values)) => values.iter().any(|value| value == &claim.equals),
        Some(value) => value == &claim.equals,
        None => false,
    };
    claims.groups.values().filter(is_said).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_said_by_itself_or_in_a_list() {
        let claim = |name: &str, equals: &str| Claim {
            claim: name.to_owned(),
            equals: equals.to_owned(),
        };
        let (ops, hd, other) = (
            claim("groups", "ops"),
            claim("hd", "shop.example"),
            claim("groups", "op"),
        );
        let groups = [("a", &ops), ("b", &hd), ("c", &other)];
        let groups = groups.map(|(name, claim)| (policy::GroupId::new(name), claim.clone()));
        let claims = Claims {
            groups: groups.into(),
            ..Claims::default()
        };
        let said = json!({"groups": ["dev", "ops"], "hd": "shop.example"});
        assert_eq!(claimed(&claims, &said), [ops, hd].into());
        assert!(claimed(&claims, &json!({})).is_empty());
    }
}
