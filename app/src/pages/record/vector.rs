//! A vector as its length and a curve.

use leptos::prelude::*;
use protocol::VectorView;

use crate::components::sparkline::Sparkline;

/// A number in ten-thousandths, as whole numbers only: what prints floats is large, and this is all that is printed.
#[expect(clippy::cast_possible_truncation, reason = "a vector's numbers are small; others are cut")]
fn ten_thousandths(number: f64) -> i64 {
    (number * 10_000.0).round() as i64
}

/// `1.0000`, `-0.0312`.
fn decimal(number: f64) -> String {
    let whole = ten_thousandths(number);
    let sign = if whole < 0 { "-" } else { "" };
    let size = whole.unsigned_abs();
    format!("{sign}{}.{:04}", size / 10_000, size % 10_000)
}

/// Its numbers, its length, and how it looks.
pub fn vector(vector: VectorView) -> AnyView {
    let VectorView { dimensions, norm, points } = vector;
    let dimensions = format::count(u64::from(dimensions));
    let least = points.iter().copied().fold(f32::INFINITY, f32::min);
    let most = points.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let label = format!(
        "Vector of {dimensions} numbers, drawn as {} means between {} and {}",
        points.len(),
        decimal(f64::from(least)),
        decimal(f64::from(most))
    );
    view! {
        <figure class="vector">
            <Sparkline values=points label />
            <figcaption class="soft">{format!("{dimensions} dimensions · norm {}", decimal(norm))}</figcaption>
        </figure>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_four_places() {
        assert_eq!(
            [0.0, 1.0, -0.031_24, 12.345_67, -0.000_01].map(decimal),
            ["0.0000", "1.0000", "-0.0312", "12.3457", "0.0000"]
        );
    }
}
