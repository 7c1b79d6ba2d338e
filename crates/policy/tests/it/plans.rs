//! Properties of plans, whatever the fleet and the policy.

use policy::parse::load;
use policy::plan::{self, PlanInput, PlanScope, Release, RunningVersions, batch_sizes, resize};
use policy::rules::{BatchRule, Share};
use policy::{Config, Plan, Sources};
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
        shares,
    ]
}

proptest! {
    #[test]
    fn sizes_add_up_and_no_batch_is_empty(n in 0..500_usize, rule in rule()) {
        let sizes = batch_sizes(n, &rule);
        prop_assert_eq!(sizes.iter().sum::<usize>(), n);
        prop_assert!(sizes.iter().all(|size| *size > 0));
    }

    #[test]
    fn the_cumulative_share_is_never_above_the_policy(n in 1..500_usize, percent in 1..=100_usize) {
        let sizes = batch_sizes(n, &BatchRule::Percent(u32::try_from(percent).unwrap()));
        // Batch k of those before empty ones vanished is the smallest k whose share allows so many.
        let (mut end, mut k) = (0, 0);
        for size in sizes {
            end += size;
            k = (k + 1..=100).find(|k| n * k * percent / 100 >= end).unwrap();
            prop_assert!(end * 100 <= n * k * percent || end == n);
        }
    }

    #[test]
    fn a_new_cut_ends_where_the_first_would(n in 1..200_usize, started in 0..200_usize, rule in rule()) {
        let started = started.min(n);
        let ends = |first: usize, sizes: Vec<usize>| -> Vec<usize> {
            sizes.into_iter().scan(first, |end, size| { *end += size; Some(*end) }).collect()
        };
        let whole: Vec<usize> = ends(0, batch_sizes(n, &rule)).into_iter().filter(|end| *end > started).collect();
        prop_assert_eq!(ends(started, resize(n, started, &rule)), whole);
    }

    #[test]
    fn every_customer_is_in_exactly_one_batch(orders in prop::collection::vec(0..5_i64, 0..40), percent in 1..=100_u32) {
        let mut files = fleet(&orders);
        files.policies = vec![file("demo.yaml", &format!("policy: demo\nbatch: {percent}%\n"))];
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
    let plan = compile(load(&files).unwrap());
    let (dot, mermaid) = (plan::dot(&plan), plan::mermaid(&plan));
    assert!(dot.contains(r#"label="a \"b\" <c> v1.1.0""#), "{dot}");
    assert!(dot.contains(r#"p0_b0 -> p0_b1 [label="2h"]"#), "{dot}");
    assert!(dot.contains(r#"[label="soak 1h, not before 2d"]"#), "{dot}");
    assert!(mermaid.contains("p0_b0 -->|\"2h\"| p0_b1"), "{mermaid}");
}

/// Not a timed test: it shows that a large fleet is read and planned at all, with nothing quadratic in the way.
#[test]
fn a_hundred_thousand_customers_are_planned() {
    let orders = vec![100; 100_000];
    let plan = compile(load(&fleet(&orders)).unwrap());
    assert_eq!(plan.customers.len(), 100_000);
}
