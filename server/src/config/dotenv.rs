//! Reads `.env` as python-dotenv does, because the files that tain meets were written for it.
//!
//! The rules, from python-dotenv's parser: an optional `export`, a name, `=`, and a value that is single-quoted
//! (`\\` and `\'` are escapes), double-quoted (the usual escapes), or bare (up to the end of the line or to ` #`).
//! Quoted values may span lines. `${NAME}` and `${NAME:-default}` are replaced in every value; `$NAME` is not, so a
//! password may hold a dollar sign.

use std::collections::HashMap;

/// What is wrong with a file. Holds the line number and never the line, which may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} has a quote that is never closed; close it or escape it with a backslash")]
pub struct UnclosedQuote {
    /// Counted from 1.
    pub line: usize,
}

/// Reads a file's text into names and values, in order. A name without `=` is passed over, as python-dotenv does.
///
/// `environment` is what `${NAME}` refers to; it wins over what the file itself says above.
///
/// # Errors
///
/// An unclosed quote.
pub fn parse(
    text: &str,
    environment: &HashMap<String, String>,
) -> Result<Vec<(String, String)>, UnclosedQuote> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    while !rest.is_empty() {
        let (pair, after) = statement(rest).ok_or(UnclosedQuote { line })?;
        line += rest[..rest.len() - after.len()].matches('\n').count();
        rest = after;
        if let Some((name, value)) = pair {
            let look_up = |wanted: &str| {
                let own =
                    || pairs.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
                environment.get(wanted).cloned().or_else(own)
            };
            pairs.push((name.to_owned(), expand(&value, look_up)));
        }
    }
    Ok(pairs)
}

type Statement<'a> = (Option<(&'a str, String)>, &'a str);

/// The first statement and what follows its line; `None` if a quote is not closed.
fn statement(text: &str) -> Option<Statement<'_>> {
    let blank = |c: char| c == ' ' || c == '\t';
    let start = text.trim_start_matches(blank);
    let end_of_line = start.find('\n').unwrap_or(start.len());
    let nothing = Some((None, &start[(end_of_line + 1).min(start.len())..]));

    let this_line = start[..end_of_line].trim_end_matches('\r');
    if this_line.is_empty() || this_line.starts_with('#') {
        return nothing;
    }
    let Some(equals) = this_line.find('=') else { return nothing };
    let mut name = this_line[..equals].trim();
    if let Some(exported) = name.strip_prefix("export").filter(|exported| exported.starts_with(blank)) {
        name = exported.trim_start();
    }
    let name = name.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')).unwrap_or(name);
    if name.is_empty() || name.contains(char::is_whitespace) {
        return nothing;
    }

    let value = start[equals + 1..].trim_start_matches(blank);
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (value, after) = quoted(&value[1..], quote)?;
            let after = after.find('\n').map_or("", |end| &after[end + 1..]);
            Some((Some((name, value)), after))
        }
        _ => {
            let bare = this_line[equals + 1..].trim_start_matches(blank);
            Some((Some((name, without_comment(bare).trim_end().to_owned())), nothing?.1))
        }
    }
}

/// The value up to the closing quote, and what follows that.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        if c == quote {
            return Some((value, &text[at + 1..]));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        let (_, escaped) = characters.next()?;
        match (quote, escaped) {
            (_, '\\') => value.push('\\'),
            (_, escaped) if escaped == quote => value.push(quote),
            ('"', '\'') => value.push('\''),
            ('"', 'n') => value.push('\n'),
            ('"', 'r') => value.push('\r'),
            ('"', 't') => value.push('\t'),
            (_, other) => value.extend(['\\', other]),
        }
    }
    None
}

/// A comment begins at a `#` that follows white space.
fn without_comment(bare: &str) -> &str {
    let comment = bare
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|&at| bare[..at].chars().next_back().is_none_or(char::is_whitespace));
    &bare[..comment.unwrap_or(bare.len())]
}

fn expand(value: &str, look_up: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((reference, behind)) = after.split_once('}') else { break };
        let (name, default) = reference.split_once(":-").unwrap_or((reference, ""));
        expanded.push_str(before);
        expanded.push_str(&look_up(name).unwrap_or_else(|| default.to_owned()));
        rest = behind;
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text, &HashMap::new()).unwrap()
    }

    fn value(text: &str) -> String {
        let pairs = read(text);
        assert_eq!(pairs.len(), 1, "{pairs:?}");
        pairs[0].1.clone()
    }

    #[test]
    fn values_are_read_as_python_dotenv_reads_them() {
        for (line, expected) in [
            ("A=b", "b"),
            ("A = b ", "b"),
            ("export A=b", "b"),
            ("  export\tA=b\r\n", "b"),
            ("A=", ""),
            ("A=\"b c\"", "b c"),
            ("A='b \"c\"'", "b \"c\""),
            ("A=b c # comment", "b c"),
            ("A=b#c", "b#c"),
            ("A=#b", ""),
            ("A=\"b # c\" # d", "b # c"),
            (r#"A="b\"c\n""#, "b\"c\n"),
            (r"A='b\'c\n'", r"b'c\n"),
            ("A=\"b\nc\"", "b\nc"),
            ("A=pa$word", "pa$word"),
            ("A=${MISSING:-d}e", "de"),
            ("A=${MISSING}", ""),
            ("A=${open", "${open"),
            ("A=ü=ü", "ü=ü"),
            ("\u{feff}A=b", "b"),
        ] {
            assert_eq!(value(line), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_no_statement_is_passed_over() {
        assert_eq!(read("\n# A=b\nA\n=b\n  \nC=d"), [("C".into(), "d".into())]);
    }

    #[test]
    fn references_see_the_environment_first_and_then_the_lines_above() {
        let environment = HashMap::from([("HOME".to_owned(), "/home/me".to_owned())]);
        let pairs = parse("HOME=/else\nB=${HOME}/x\nC=1\nC=2\nD=${C}", &environment).unwrap();
        assert_eq!(pairs[1].1, "/home/me/x");
        assert_eq!(pairs[4].1, "2");
    }

    #[test]
    fn an_unclosed_quote_names_its_line_and_not_its_text() {
        let error = parse("A=b\nC=\"two\nlines\"\nKEY='secret", &HashMap::new()).unwrap_err();
        assert_eq!(error.line, 4);
        assert!(!error.to_string().contains("secret"));
    }
}
