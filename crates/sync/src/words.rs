//! Numbers as people read them.

/// `1284310` as `1,284,310`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 record`, `2 records`.
pub(crate) fn records(number: u64) -> String {
    format!("{} record{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `1 document`, `2 documents`.
pub(crate) fn documents(number: u64) -> String {
    format!("{} document{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let words: Vec<String> = [0, 12, 999, 1_000, 1_284_310].into_iter().map(grouped).collect();
        assert_eq!(words, ["0", "12", "999", "1,000", "1,284,310"]);
        assert_eq!((records(1), records(2_000)), ("1 record".to_owned(), "2,000 records".to_owned()));
    }
}
