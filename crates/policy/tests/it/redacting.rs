//! However a secret is printed, cut, wrapped or repeated, nothing of it comes through (P47).

use policy::redact::{Cut, line, mask, tail};
use proptest::prelude::*;

/// Letters that occur in no surrounding text, so that any two of them in a row are a leak.
const LETTERS: &str = "[GHJKL]{6,40}";

/// Prints a secret as a program might: with something between its letters, every so many of them.
fn printed(secret: &str, between: &str, every: usize) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let pieces: Vec<String> = letters
        .chunks(every)
        .map(|piece| piece.iter().collect())
        .collect();
    pieces.join(between)
}

fn leaks(text: &str, secret: &str, length: usize) -> bool {
    let letters: Vec<char> = secret.chars().collect();
    letters
        .windows(length.min(letters.len()))
        .any(|piece| text.contains(&piece.iter().collect::<String>()))
}

fn between() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "\n",
        "\r\n",
        "\n    ",
        "\t",
        " ",
        "\u{8}",
        "\u{7}",
        "\u{1b}[31m",
        "\u{1b}[0m",
        "\u{1b}]0;x\u{7}",
        "\u{9b}",
        "\u{200b}",
        "\u{202e}",
        "\0",
        "\r",
    ])
}

proptest! {
    #[test]
    fn a_secret_in_the_middle_is_gone(
        secret in LETTERS, between in between(), every in 1..9_usize, times in 1..4_usize,
        before in "[a-f \n]{0,30}", after in "[a-f \n]{0,30}",
    ) {
        let text = format!("{before}{}{after}", printed(&secret, between, every).repeat(times));
        let whole = Cut::default();
        prop_assert!(!leaks(&mask(&text, whole, &[&secret]), &secret, 2));
        prop_assert!(!leaks(&tail(text.as_bytes(), whole, &[&secret], 4096), &secret, 2));
        prop_assert!(!leaks(&line(&text, whole, &[&secret], 300).unwrap_or_default(), &secret, 2));
    }

    #[test]
    fn a_secret_that_was_cut_anywhere_is_gone(
        secret in LETTERS, between in between(), every in 1..9_usize, from in 0.0..1.0_f64, to in 0.0..1.0_f64, max in 0..60_usize,
        before in "[a-f]{0,20}", after in "[a-f]{0,20}",
    ) {
        let text = format!("{before}{}{after}", printed(&secret, between, every));
        let place = |share: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
            let place = (share * text.len() as f64) as usize;
            text.floor_char_boundary(place)
        };
        let (from, to) = (place(from.min(to)), place(from.max(to)));
        let cut = Cut { before: from > 0, after: to < text.len() };
        let kept = &text[from..to];
        // Cut inside an escape sequence, fewer than four letters may be left of the secret.
        prop_assert!(!leaks(&tail(kept.as_bytes(), cut, &[&secret], max), &secret, 4), "{kept:?}");
        prop_assert!(!leaks(&line(kept, cut, &[&secret], max).unwrap_or_default(), &secret, 4), "{kept:?}");
    }

    #[test]
    fn nothing_else_is_touched(text in "[a-f \n\t\u{1b}\\[0-9m]{0,80}") {
        prop_assert_eq!(mask(&text, Cut { before: true, after: true }, &["GHJKLG"]), text);
    }
}
