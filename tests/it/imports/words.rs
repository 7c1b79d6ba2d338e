//! What are the words of a program, without comments, texts and what only tests compile?

/// One word or mark, and the line on which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub line: usize,
}

/// The words of a program that are compiled when nothing is tested.
pub(crate) fn words(text: &str) -> Vec<Word> {
    without_tests(&split(text))
}

/// The modules that a file declares for its tests alone.
pub(crate) fn test_modules(text: &str) -> Vec<String> {
    let words = split(text);
    let mut found = Vec::new();
    for at in 0..words.len() {
        if let Some(item) = test_item(&words, at)
            && let Some(named) = after(&words[item..], "mod", ";")
        {
            found.push(named);
        }
    }
    found
}

/// The name that stands between two words, where an item begins so.
fn after(words: &[Word], before: &str, behind: &str) -> Option<String> {
    let text = |at: usize| words.get(at).map(|word| word.text.as_str());
    let name = text(1).filter(|_| text(0) == Some(before) && text(2) == Some(behind))?;
    Some(name.to_owned())
}

/// Names, `::` and single marks; texts, numbers and lifetimes are left out.
fn split(text: &str) -> Vec<Word> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let mut line = 1;
    while at < letters.len() {
        let rest = &letters[at..];
        let length = match rest {
            ['/', '/', ..] => until(rest, 0, &['\n']),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => quoted(rest),
            ['\'', ..] => letter_or_lifetime(rest),
            [':', ':', ..] => {
                found.push(word("::", line));
                2
            }
            [first, ..] if is_name(*first) => {
                let length = rest.iter().take_while(|one| is_name(**one)).count();
                let name: String = rest[..length].iter().collect();
                let more = raw_text(&name, &rest[length..]);
                if more.is_none() {
                    found.push(word(&name, line));
                }
                length + more.unwrap_or_default()
            }
            [first, ..] => {
                if !first.is_whitespace() {
                    found.push(word(&first.to_string(), line));
                }
                1
            }
            [] => break,
        };
        line += rest[..length].iter().filter(|one| **one == '\n').count();
        at += length;
    }
    found
}

fn word(text: &str, line: usize) -> Word {
    Word {
        text: text.to_owned(),
        line,
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// How far it is to the first of these letters, or to the end.
fn until(letters: &[char], from: usize, ends: &[char]) -> usize {
    let more = letters[from..].iter().position(|one| ends.contains(one));
    more.map_or(letters.len(), |more| from + more)
}

fn block_comment(letters: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < letters.len() {
        match &letters[at..] {
            ['/', '*', ..] => depth += 1,
            ['*', '/', ..] => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(letters: &[char]) -> usize {
    let mut at = 1;
    while at < letters.len() && letters[at] != '"' {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(letters.len())
}

/// `'a'` and `'\n'` go whole; of a lifetime, the mark and the name.
fn letter_or_lifetime(letters: &[char]) -> usize {
    match letters {
        [_, '\\', _, ..] => (until(letters, 3, &['\'']) + 1).min(letters.len()),
        [_, _, '\'', ..] => 3,
        _ => 1 + letters[1..].iter().take_while(|one| is_name(**one)).count(),
    }
}

/// How long the text is that a prefix such as `r` or `br` begins.
fn raw_text(prefix: &str, behind: &[char]) -> Option<usize> {
    if matches!(prefix, "b" | "c") {
        return match behind {
            ['"', ..] => Some(quoted(behind)),
            ['\'', ..] => Some(letter_or_lifetime(behind)),
            _ => None,
        };
    }
    if !matches!(prefix, "r" | "br" | "cr") {
        return None;
    }
    let hashes = behind.iter().take_while(|one| **one == '#').count();
    if behind.get(hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    let inside = &behind[hashes + 1..];
    let length = inside.windows(close.len()).position(|end| end == close);
    Some(length.map_or(behind.len(), |length| hashes + 1 + length + close.len()))
}

fn without_tests(words: &[Word]) -> Vec<Word> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if is_whole_file_for_tests(&words[at..]) {
            break;
        }
        if let Some(item) = test_item(words, at) {
            at = item + item_length(&words[item..]);
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item begins that the attribute here gives to tests alone.
fn test_item(words: &[Word], at: usize) -> Option<usize> {
    let rest = &words[at..];
    let is_for_tests = starts(rest, &["#", "[", "cfg", "(", "test", ")"])
        || starts(rest, &["#", "[", "cfg", "(", "all", "(", "test"]);
    let mut item = at;
    while is_for_tests && starts(&words[item..], &["#", "["]) {
        item += 1 + bracket_length(&words[item + 1..]);
    }
    is_for_tests.then_some(item)
}

fn is_whole_file_for_tests(words: &[Word]) -> bool {
    starts(words, &["#", "!", "[", "cfg", "(", "test", ")"])
}

fn starts(words: &[Word], with: &[&str]) -> bool {
    words.len() >= with.len()
        && words
            .iter()
            .zip(with)
            .all(|(word, with)| word.text == *with)
}

/// How many words a bracket holds that opens here, both its marks included.
fn bracket_length(words: &[Word]) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        depth += change_of_depth(word);
        if depth == 0 {
            return at + 1;
        }
    }
    words.len()
}

pub(crate) fn change_of_depth(word: &Word) -> i32 {
    match word.text.as_str() {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    }
}

/// An item ends with its `;` or its braces; a field, a variant or an arm with its comma.
fn item_length(words: &[Word]) -> usize {
    let begins_item = words.first().is_some_and(|word| {
        let keywords = [
            "pub", "use", "mod", "fn", "impl", "struct", "enum", "trait", "type", "const",
            "static", "async", "unsafe", "extern", "let",
        ];
        keywords.contains(&word.text.as_str())
    });
    let visibility = match starts(words, &["pub", "("]) {
        true => 1 + bracket_length(&words[1..]),
        false => usize::from(starts(words, &["pub"])),
    };
    let is_use = starts(&words[visibility..], &["use"]);
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        depth += change_of_depth(word);
        let ends = match word.text.as_str() {
            ";" => depth == 0,
            "}" => depth == 0 && !is_use,
            "," => depth == 0 && !begins_item,
            _ => false,
        };
        if ends {
            return at + 1;
        }
        if depth < 0 {
            return at;
        }
    }
    words.len()
}
