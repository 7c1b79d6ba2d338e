//! Figures of services as people read them. What was not measured is a dash, never a zero.

use project::Figures;

/// The heights of a column, lowest first.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `99.87 %`.
pub(crate) fn percent(share: Option<f64>) -> String {
    match share {
        // Rounding must not turn a failure into none.
        Some(share) if share > 99.99 && share < 100.0 => ">99.99 %".to_owned(),
        Some(share) if share > 0.0 && share < 0.01 => "<0.01 %".to_owned(),
        Some(share) => format!("{share:.2} %"),
        None => "-".to_owned(),
    }
}

/// `240 ms`.
pub(crate) fn latency(millis: Option<u32>) -> String {
    millis.map_or_else(|| "-".to_owned(), |millis| format!("{millis} ms"))
}

/// A column for each part: its height the 95th percentile, `x` where a probe failed, a dot where nothing was measured.
pub(crate) fn chart(parts: &[Figures]) -> String {
    let tops: Vec<Option<u32>> = parts.iter().map(|part| part.quantile(950)).collect();
    let highest = tops.iter().flatten().max().copied().unwrap_or(0);
    let column = |(part, top): (&Figures, &Option<u32>)| match top {
        _ if part.asked() == 0 => '·',
        _ if part.down > 0 => 'x',
        Some(top) => height(*top, highest),
        None => '·',
    };
    parts.iter().zip(&tops).map(column).collect()
}

fn height(top: u32, highest: u32) -> char {
    let steps = u64::from(top) * 7 / u64::from(highest.max(1));
    HEIGHTS[usize::try_from(steps).unwrap_or(0).min(7)]
}

#[cfg(test)]
mod tests {
    use project::Observed;

    use super::*;

    fn part(latencies: &[u32], failures: u32) -> Figures {
        let mut figures = Figures::default();
        for latency_ms in latencies {
            figures.add(&Observed::Up {
                latency_ms: *latency_ms,
            });
        }
        for _ in 0..failures {
            figures.add(&Observed::Down {
                reason: String::new(),
            });
        }
        figures
    }

    #[test]
    fn a_chart_shows_heights_failures_and_gaps() {
        let parts = [part(&[10], 0), part(&[], 0), part(&[80], 0), part(&[80], 1)];
        assert_eq!(chart(&parts), "▁·█x");
    }

    #[test]
    fn what_was_not_measured_is_a_dash_and_a_failure_is_never_rounded_away() {
        assert_eq!(percent(None), "-");
        assert_eq!(latency(None), "-");
        assert_eq!(percent(Some(100.0)), "100.00 %");
        assert_eq!(percent(Some(99.999)), ">99.99 %");
        assert_eq!(percent(Some(0.001)), "<0.01 %");
        assert_eq!(percent(Some(0.0)), "0.00 %");
    }
}
