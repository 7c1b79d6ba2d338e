//! Properties of plans, whatever the fleet and the policy.

use policy::parse::load;
use policy::plan::{self, PlanInput, PlanScope, Release, RunningVersions, batch_sizes, resize};
use policy::rules::{BatchRule, Share, Tolerance};
use policy::{Config, Customer, Plan, Sources};
use proptest::prelude::*;

use crate::support::{file, sources};

fn rule() -> impl Strategy<Value = BatchRule> {
    let shares = prop::collection::btree_set(1..100_u32, 0..5).prop_map(|percents| {
        let shares = percents.into_iter().map(Share::Percent).chain([Share::All]);
        BatchRule::Shares(shares.collect())
    });
    prop_oneof![
        Just(BatchRule::All),
        (1..50_u32).prop_map(BatchRule::Count),
        (1..=100_u32).prop_map(BatchRule::Percent),
        (1..=100_u32).prop_map(BatchRule::Weight),
        shares,
    ]
}

/// Weights as fleets have them: most alike, some far heavier than the rest.
fn weights() -> impl Strategy<Value = Vec<u64>> {
    let weight = prop_oneof![
        4 => Just(1_u64),
        4 => 1..500_u64,
        1 => 1..=Customer::MAX_WEIGHT,
    ];
    prop::collection::vec(weight, 0..200)
}

/// The batches that sizes make, without the first `started` customers.
fn cut<'w>(weights: &'w [u64], started: usize, sizes: &[usize]) -> Vec<&'w [u64]> {
    let mut rest = &weights[started..];
    let batches = sizes.iter().map(|size| {
        let (batch, after) = rest.split_at(*size);
        rest = after;
        batch
    });
    batches.collect()
}

proptest! {
    #[test]
    fn sizes_add_up_and_no_batch_is_empty(weights in weights(), rule in rule()) {
        let sizes = batch_sizes(&weights, &rule);
        prop_assert_eq!(sizes.iter().sum::<usize>(), weights.len());
        prop_assert!(sizes.iter().all(|size| *size > 0));
    }

    #[test]
    fn no_batch_by_weight_is_heavier_than_the_share_but_one_customer_alone(weights in weights(), percent in 1..=100_u32) {
        let whole: u128 = weights.iter().copied().map(u128::from).sum();
        let fits = |batch: &[u64]| {
            let weight: u128 = batch.iter().copied().map(u128::from).sum();
            weight * 100 <= whole * u128::from(percent)
        };
        let sizes = batch_sizes(&weights, &BatchRule::Weight(percent));
        let batches = cut(&weights, 0, &sizes);
        for (one, next) in batches.iter().zip(batches.iter().skip(1)) {
            // Whoever begins the next batch would not have fitted into this one.
            let with_next: Vec<u64> = one.iter().chain(next.first()).copied().collect();
            prop_assert!(!fits(&with_next), "{:?} + {:?}", one, next);
        }
        for batch in batches {
            prop_assert!(fits(batch) || batch.len() == 1, "{batch:?}");
        }
    }

    #[test]
    fn a_new_cut_by_weight_stays_within_the_share_of_the_whole(weights in weights(), started in 0..200_usize, percent in 1..=100_u32) {
        let started = started.min(weights.len());
        let whole: u128 = weights.iter().copied().map(u128::from).sum();
        let sizes = resize(&weights, started, &BatchRule::Weight(percent));
        prop_assert_eq!(sizes.iter().sum::<usize>(), weights.len() - started);
        for batch in cut(&weights, started, &sizes) {
            let weight: u128 = batch.iter().copied().map(u128::from).sum();
            prop_assert!(weight * 100 <= whole * u128::from(percent) || batch.len() == 1);
        }
    }

    #[test]
    fn customers_that_weigh_the_same_are_tolerated_as_if_they_were_counted(n in 0..200_usize, own in 1..=Customer::MAX_WEIGHT, percent in 0..=100_u32, failed in 0..200_u32) {
        let orders = vec![100; n.min(20)];
        let weights = vec![own; orders.len()];
        let phase = |max_failures| {
            let mut phase = compile(load(&fleet(&orders)).unwrap()).phases.remove(0);
            phase.policy.max_failures = max_failures;
            phase.resolve_tolerance(&weights);
            phase
        };
        let failed_weight = own * u64::from(failed);
        prop_assert_eq!(
            phase(Tolerance::Weight(percent)).tolerates(failed, failed_weight),
            phase(Tolerance::Percent(percent)).tolerates(failed, failed_weight)
        );
    }

    #[test]
    fn the_cumulative_share_is_never_above_the_policy(n in 1..500_usize, percent in 1..=100_usize) {
        let sizes = batch_sizes(&vec![1; n], &BatchRule::Percent(u32::try_from(percent).unwrap()));
        // Batch k of those before empty ones vanished is the smallest k whose share allows so many.
        let (mut end, mut k) = (0, 0);
        for size in sizes {
            end += size;
            k = (k + 1..=100).find(|k| n * k * percent / 100 >= end).unwrap();
            prop_assert!(end * 100 <= n * k * percent || end == n);
        }
    }

    #[test]
    fn a_new_cut_ends_where_the_first_would(weights in weights(), started in 0..200_usize, rule in rule()) {
        let started = started.min(weights.len());
        let ends = |first: usize, sizes: Vec<usize>| -> Vec<usize> {
            sizes.into_iter().scan(first, |end, size| { *end += size; Some(*end) }).collect()
        };
        let whole: Vec<usize> = ends(0, batch_sizes(&weights, &rule)).into_iter().filter(|end| *end > started).collect();
        prop_assert_eq!(ends(started, resize(&weights, started, &rule)), whole);
    }

    #[test]
    fn every_customer_is_in_exactly_one_batch(orders in prop::collection::vec(0..5_i64, 0..40), percent in 1..=100_u32, by_weight in any::<bool>()) {
        let mut files = fleet(&orders);
        let batch = if by_weight { format!("{{ weight: {percent}% }}") } else { format!("{percent}%") };
        files.policies = vec![file("demo.yaml", &format!("policy: demo\nbatch: {batch}\n"))];
        let plan = compile(load(&files).unwrap());
        let phase = &plan.phases[0];
        prop_assert_eq!(phase.sizes.iter().sum::<usize>(), orders.len());
        let mut planned: Vec<_> = phase.customers.clone();
        let key = |id: &policy::CustomerId| (plan.customers[id].customer.order, id.clone());
        prop_assert!(phase.customers.is_sorted_by_key(key));
        planned.sort();
        prop_assert!(planned.iter().eq(plan.customers.keys()));
    }
}

fn fleet(orders: &[i64]) -> Sources {
    let customer = |(n, order): (usize, &i64)| {
        format!(
            "  c{n}: {{ tier: demo, order: {order}, services: {{ backend: {{ id: srv-{n}, url: https://c{n}.example }} }} }}\n"
        )
    };
    let lines: String = orders.iter().enumerate().map(customer).collect();
    let text = if lines.is_empty() {
        "customers: {}\n".to_owned()
    } else {
        format!("customers:\n{lines}")
    };
    Sources {
        customers: file("customers.yaml", &text),
        ..sources()
    }
}

fn compile(config: Config) -> Plan {
    let Config {
        project,
        fleet,
        policies,
        ..
    } = config;
    let release = Release {
        version: "v1.1.0".to_owned(),
        commit: "c".repeat(40),
    };
    let input = PlanInput {
        project,
        fleet,
        policies,
        release,
        scope: PlanScope::default(),
        history: policy::plan::History::new(),
    };
    plan::compile(
        &input,
        &RunningVersions::new(),
        "2027-01-11T09:00:00Z".parse().unwrap(),
    )
    .unwrap()
}

#[test]
fn the_order_of_keys_makes_no_difference_to_the_digest() {
    let one = Sources {
        policies: vec![file("d", "policy: demo\nbatch: 50%\ndelay: 2h\n")],
        ..fleet(&[1, 2])
    };
    let mut other = one.clone();
    other.policies = vec![file("d", "delay: 120m\nbatch: '50%'\npolicy: demo\n")];
    let (first, rest) = other.customers.text.split_once('\n').unwrap();
    let reversed: Vec<&str> = rest.lines().rev().collect();
    other.customers.text = format!("{first}\n{}\n", reversed.join("\n"));
    let digest = |files| compile(load(&files).unwrap()).digest;
    let first = digest(one.clone());
    assert_eq!(first, digest(other.clone()));
    assert_eq!(first.len(), 64);
    other.policies[0].text.push_str("soak: 1h\n");
    assert_ne!(first, digest(other));
}

/// A plan that was frozen before there were weights reads as it did, and the same files still have its digest.
#[test]
fn a_weight_of_one_is_not_written_into_a_plan() {
    let plain = fleet(&[1, 2]);
    let mut written = plain.clone();
    written.customers.text = plain
        .customers
        .text
        .replace("tier: demo", "tier: demo, weight: 1");
    assert_ne!(plain.customers.text, written.customers.text);
    let (plain, written) = (
        compile(load(&plain).unwrap()),
        compile(load(&written).unwrap()),
    );
    assert_eq!(plain, written);
    let text = serde_json::to_string(&plain).unwrap();
    assert!(!text.contains("weight"), "{text}");
    let mut heavy = fleet(&[1, 2]);
    heavy.customers.text = heavy
        .customers
        .text
        .replace("tier: demo", "tier: demo, weight: 2");
    assert_ne!(compile(load(&heavy).unwrap()).digest, plain.digest);
}

#[test]
fn a_plan_survives_being_stored() {
    let plan = compile(load(&fleet(&[3, 1, 2])).unwrap());
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn drawings_name_batches_and_escape_what_is_written() {
    let mut files = fleet(&[1, 2, 3]);
    files.project.text = "product: 'a \"b\" <c>'\n".to_owned();
    files.policies = vec![
        file(
            "demo.yaml",
            "policy: demo\nbatch: 50%\ndelay: 2h\nsoak: 1h\n",
        ),
        file("next.yaml", "policy: next\nafter: demo\nnot_before: 2d\n"),
    ];
    let weighed = compile(load(&files).unwrap());
    let (dot, mermaid) = (plan::dot(&weighed), plan::mermaid(&weighed));
    assert!(dot.contains(r#"label="a \"b\" <c> v1.1.0""#), "{dot}");
    assert!(dot.contains(r#"p0_b0 -> p0_b1 [label="2h"]"#), "{dot}");
    assert!(dot.contains(r#"[label="soak 1h, not before 2d"]"#), "{dot}");
    assert!(mermaid.contains("p0_b0 -->|\"2h\"| p0_b1"), "{mermaid}");
}

#[test]
fn drawings_say_what_batches_weigh_where_that_says_something() {
    let mut files = fleet(&[1, 2, 3]);
    files.policies = vec![file("demo.yaml", "policy: demo\nbatch: 50%\n")];
    let plain = plan::dot(&compile(load(&files).unwrap()));
    assert!(!plain.contains("weight "), "{plain}");
    files.customers.text = files
        .customers
        .text
        .replace("order: 1,", "order: 1, weight: 250,");
    let weighed = compile(load(&files).unwrap());
    let (dot, mermaid) = (plan::dot(&weighed), plan::mermaid(&weighed));
    assert!(
        dot.contains(r#"label="demo (3 customers, weight 252)""#),
        "{dot}"
    );
    assert!(dot.contains(r#"label="batch 1\nc0\nweight 250""#), "{dot}");
    assert!(
        mermaid.contains("batch 2<br/>c1, c2<br/>weight 2"),
        "{mermaid}"
    );
}

/// Not a timed test: it shows that a large fleet is read and planned at all, with nothing quadratic in the way.
#[test]
fn a_hundred_thousand_customers_are_planned() {
    let orders = vec![100; 100_000];
    let plan = compile(load(&fleet(&orders)).unwrap());
    assert_eq!(plan.customers.len(), 100_000);
}
