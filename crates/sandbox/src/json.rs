//! JSON printed by hand into one buffer: an answer holds up to a few hundred thousand numbers, and the sandbox shares
//! its processors with the program under test.

use std::io::Write;

use serde::Serialize;

/// Appends any small value.
pub(crate) fn write(buffer: &mut Vec<u8>, value: &impl Serialize) {
    // Writing into memory cannot fail, and no value here has keys that are not strings.
    let _ = serde_json::to_writer(buffer, value);
}

/// Appends `[1.0,-0.5]`, each number in the shortest form that reads back as the same f32.
pub(crate) fn write_values(buffer: &mut Vec<u8>, values: &[f32]) {
    buffer.reserve(values.len() * 14);
    buffer.push(b'[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            buffer.push(b',');
        }
        write(buffer, value);
    }
    buffer.push(b']');
}

/// Appends `[0.01234567,-0.10000000]`: eight decimals, as many as the real service prints, and several times faster
/// than the shortest form.
pub(crate) fn write_fixed_values(buffer: &mut Vec<u8>, values: &[f32]) {
    buffer.reserve(values.len() * 12);
    buffer.push(b'[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            buffer.push(b',');
        }
        write_fixed(buffer, *value);
    }
    buffer.push(b']');
}

fn write_fixed(buffer: &mut Vec<u8>, value: f32) {
    if !value.is_finite() || value.abs() >= 0.999 {
        let _ = write!(buffer, "{value}");
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value lies in 0..99_900_000, as tested above"
    )]
    let mut scaled = (value.abs() * 1e8).round() as u32;
    let mut digits = *b"-0.00000000";
    for digit in digits[3..].iter_mut().rev() {
        *digit = b'0' + u8::try_from(scaled % 10).unwrap_or(0);
        scaled /= 10;
    }
    let start = usize::from(value >= 0.0);
    buffer.extend_from_slice(&digits[start..]);
}

/// Reads `[1.0,-0.5]`, which must be valid JSON already; `None` when an element is not a number or too big for f32.
pub(crate) fn read_values(json: &str) -> Option<Box<[f32]>> {
    let inside = json.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    if inside.is_empty() {
        return Some(Box::default());
    }
    inside
        .split(',')
        .map(|number| number.trim().parse::<f32>().ok().filter(|value| value.is_finite()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_shortest_and_read_back() {
        let mut buffer = Vec::new();
        write_values(&mut buffer, &[1.0, 0.1, -2.5e-9, f32::MIN_POSITIVE]);
        let text = String::from_utf8(buffer).unwrap();
        assert!(text.starts_with("[1.0,0.1,-2.5e-9,"));
        assert_eq!(read_values(&text).unwrap().as_ref(), [1.0, 0.1, -2.5e-9, f32::MIN_POSITIVE]);
    }

    #[test]
    fn fixed_values_have_eight_decimals() {
        let mut buffer = Vec::new();
        write_fixed_values(&mut buffer, &[0.5, -0.012_345_678, 0.0, 1.0, -1e-9]);
        assert_eq!(String::from_utf8(buffer).unwrap(), "[0.50000000,-0.01234568,0.00000000,1,-0.00000000]");
    }

    #[test]
    fn what_is_not_a_list_of_numbers_is_refused() {
        for json in ["[1,null]", "[\"1\"]", "[[1]]", "{}", "[1e99]", "null"] {
            assert!(read_values(json).is_none(), "{json}");
        }
        assert!(read_values(" [ ] ").unwrap().is_empty());
    }
}
