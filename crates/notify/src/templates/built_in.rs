//! The words that need no file: a subject for every kind, and below it what a reader needs to act.

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{self, StrDeserializer};

/// The template for a kind.
pub(super) fn template(kind: &str, to_customer: bool) -> String {
    let own = Occasion::of(kind).and_then(|occasion| match to_customer {
        true => for_customers(occasion),
        false => for_team(occasion),
    });
    own.map_or_else(|| fallback(to_customer).to_owned(), str::to_owned)
}

/// What there are words of its own for; everything else has those of [`fallback`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Occasion {
    ApprovalRequested,
    ApprovalEscalated,
    RolloutHalted,
    CustomerStarted,
    CustomerHealthy,
    CustomerUnchanged,
    CustomerHeld,
    CustomerStalled,
    CustomerDeferred,
    CustomerRolledBack,
    CustomerRollbackFailed,
    PhaseOverdue,
    AlertRaised,
    AlertRecovered,
}

impl Occasion {
    /// By the kind of event, or of news about an alert.
    fn of(kind: &str) -> Option<Self> {
        let kind: StrDeserializer<'_, value::Error> = kind.into_deserializer();
        Self::deserialize(kind).ok()
    }
}

fn fallback(to_customer: bool) -> &'static str {
    if to_customer {
        return "{{ product }}: {{ title }}\nHello{% if name %} {{ name }}{% endif %},\n\nthis is about {{ product }}{% if version %} {{ version }}{% endif %}: {{ title }}.\n";
    }
    "[{{ product }}] {% if rollout %}{{ rollout }} {% endif %}{{ title }}{% if event.customer %}: {{ event.customer }}{% endif %}\n\
     {{ title }}{% if version %} ({{ product }} {{ version }}){% endif %} at {{ at }}.\n\
     {% if event.phase %}Phase: {{ event.phase }}{% if event.batch %}, batch {{ event.batch }}{% endif %}\n{% endif %}\
     {% if event.customer %}Customer: {{ event.customer }}{% if event.service %}, {{ event.service }}{% endif %}\n{% endif %}\
     {% if event.actor %}By: {{ event.actor }}\n{% endif %}\
     {% if event.reason %}Reason: {{ event.reason }}\n{% endif %}\
     {% if event.until %}Until: {{ event.until }}\n{% endif %}\
     {% if rollout %}\nSee: tranche status {{ rollout }}\n{% endif %}"
}

fn for_team(occasion: Occasion) -> Option<&'static str> {
    Some(match occasion {
        Occasion::ApprovalRequested => APPROVAL,
        Occasion::ApprovalEscalated => {
            "[{{ product }}] {{ rollout }}: nobody has answered {{ event.data.gate }}\n\
             The request for {{ event.data.gate }} has waited too long for an answer.\n\n{% if link %}Look and decide: {{ link }}\n\n{% endif %}See:  tranche approvals\nThen: tranche approve {{ event.data.gate }} --rollout {{ rollout }}\n"
        }
        Occasion::RolloutHalted => {
            "[{{ product }}] {{ rollout }} ({{ version }}) has halted\n\
             {{ rollout }} has stopped itself: nobody else starts.\n{% if event.reason %}Reason: {{ event.reason }}\n{% endif %}\n\
             {% if link %}Look: {{ link }}\n{% endif %}See:  tranche status {{ rollout }}\nIt says what lifts the halt; to end it: tranche abort --rollout {{ rollout }}\n"
        }
        Occasion::CustomerRolledBack => {
            "[{{ product }}] {{ event.customer }} is back on what ran before {{ version }}\n\
             {{ event.customer }} was returned to what ran before.\n{% if event.reason %}Reason: {{ event.reason }}\n{% endif %}\nSee: tranche why {{ event.customer }}\n"
        }
        Occasion::CustomerRollbackFailed => {
            "[{{ product }}] URGENT: the rollback of {{ event.customer }} failed\n\
             The rollback of {{ event.customer }} failed, and there is no second automatic one: a person must look.\n{% if event.reason %}Reason: {{ event.reason }}\n{% endif %}\n\
             See:  tranche status {{ rollout }}\nThen: tranche retry {{ event.customer }} --rollout {{ rollout }}\n"
        }
        Occasion::CustomerHeld => {
            "[{{ product }}] {{ event.customer }} is held: a person must decide\n\
             {{ event.customer }} is held.\n{% if event.reason %}Reason: {{ event.reason }}\n{% endif %}\n\
             See:  tranche why {{ event.customer }}\nThen: tranche retry {{ event.customer }} --rollout {{ rollout }}, or tranche skip {{ event.customer }} --rollout {{ rollout }} --reason ...\n"
        }
        Occasion::CustomerStalled => {
            "[{{ product }}] {{ event.customer }} waits for an answer of Render\n\
             Render has given no usable answer about {{ event.customer }} for as long as a deploy may take. It is asked on, and goes on by itself once there is one.\n{% if event.reason %}What came: {{ event.reason }}\n{% endif %}\n\
             See:  tranche why {{ event.customer }}\nThen: tranche render check\n"
        }
        Occasion::CustomerDeferred => {
            "[{{ product }}] {{ rollout }}: the date of {{ event.customer }} is put off\n\
             {{ event.actor }} has put the date of {{ event.customer }} off until {{ event.until }}; everybody else goes on.\n{% if event.reason %}Reason: {{ event.reason }}\n{% endif %}\n\
             See:  tranche why {{ event.customer }}\nTo end it: tranche retry {{ event.customer }} --rollout {{ rollout }}\n"
        }
        Occasion::PhaseOverdue => {
            "[{{ product }}] {{ rollout }}: phase {{ event.phase }} is overdue\n\
             The phase {{ event.phase }} has not settled by the time it was due.\n\nSee: tranche status {{ rollout }}\n"
        }
        Occasion::AlertRaised => {
            "[{{ product }}] {{ event.severity }}: {{ event.customer }}/{{ event.service }} {{ event.condition }}\n\
             {{ event.customer }}/{{ event.service }}: {{ event.reason }}\nSince: {{ event.raised_at }}\n\n\
             See:  tranche health {{ event.customer }} --history 24h\nThen: tranche alerts ack {{ event.id }} --reason ...\n"
        }
        Occasion::AlertRecovered => {
            "[{{ product }}] over: {{ event.customer }}/{{ event.service }} {{ event.condition }}\n\
             {{ event.customer }}/{{ event.service }} is well again.\nIt was: {{ event.reason }}\nFrom {{ event.raised_at }} until {{ event.recovered_at }}.\n"
        }
        Occasion::CustomerStarted | Occasion::CustomerHealthy | Occasion::CustomerUnchanged => {
            return None;
        }
    })
}

const APPROVAL: &str = "\
[{{ product }}] {{ rollout }} ({{ version }}): {% if about | length == 1 %}{{ event.gate }} waits for approval{% else %}{{ about | length }} gates wait for approval{% endif %}

{% if name %}Hello {{ name }},

{% endif %}{{ product }} {{ version }} waits for approval, in the order of their turn:
{% for gate in about %}
- {{ gate.gate }}: {{ gate.missing }}{% if gate.begins %}; its turn is {{ gate.begins }}{% endif %}{% if gate.lapses_before_turn %}
  (an approval given now would lapse before that: approve it later){% endif %}{% if link and about | length > 1 %}
  {{ gate.link }}{% endif %}{% endfor %}

{% if link %}Look and decide: {{ link }}

{% endif %}
See:  tranche approvals
Then: tranche approve GATE --rollout {{ rollout }}, or tranche reject GATE --rollout {{ rollout }} --reason ...
";

fn for_customers(occasion: Occasion) -> Option<&'static str> {
    Some(match occasion {
        Occasion::ApprovalRequested => {
            "{{ product }} {{ version }} is planned for you\nHello {{ name }},\n\n\
             {{ product }} {{ version }} is planned for you{% if event.begins %}, not before {{ event.begins }}{% endif %}.\n"
        }
        Occasion::CustomerStarted => {
            "{{ product }} {{ version }}: your update begins\nHello {{ name }},\n\n\
             the update of {{ product }} to {{ version }} begins now. We tell you when it is done.\n"
        }
        Occasion::CustomerHealthy => {
            "{{ product }} {{ version }}: your update is done\nHello {{ name }},\n\n\
             {{ product }} {{ version }} runs for you now, and all checks have passed.\n"
        }
        Occasion::CustomerDeferred => {
            "{{ product }} {{ version }}: your date was put off\nHello {{ name }},\n\n\
             the update of {{ product }} to {{ version }} does not begin before {{ event.until }}.\n"
        }
        Occasion::CustomerRolledBack => {
            "{{ product }}: your update was taken back\nHello {{ name }},\n\n\
             the update of {{ product }} to {{ version }} was taken back. What ran before runs again, and we look into it.\n"
        }
        Occasion::CustomerUnchanged => {
            "{{ product }}: your update did not take place\nHello {{ name }},\n\n\
             the update of {{ product }} to {{ version }} did not take place. What ran before runs on, and we look into it.\n"
        }
        Occasion::AlertRaised => {
            "{{ product }}: we look into a disturbance\nHello {{ name }},\n\n\
             since {{ event.raised_at }} your {{ event.service }} does not answer as it should. We look into it.\n"
        }
        Occasion::AlertRecovered => {
            "{{ product }}: the disturbance is over\nHello {{ name }},\n\n\
             your {{ event.service }} answers as it should again.\n"
        }
        Occasion::ApprovalEscalated
        | Occasion::RolloutHalted
        | Occasion::CustomerHeld
        | Occasion::CustomerStalled
        | Occasion::CustomerRollbackFailed
        | Occasion::PhaseOverdue => return None,
    })
}
