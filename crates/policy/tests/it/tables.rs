//! The fleet as a table: what it may say follows from what a customer may say, and every mistake names its cell.

use policy::parse::table::{Table, columns};
use policy::parse::{self, Diagnostic, File, Severity};
use policy::{CustomerId, Fleet, Sources};
use serde_json::json;

use crate::support::{file, sources};

const HEADINGS: &str = "key,name,tier,services.backend.id,services.backend.url";

fn table(text: &str) -> Sources {
    Sources {
        customers: file("fleet.csv", text),
        ..sources()
    }
}

fn read(text: &str) -> Table {
    match Table::within(&table(text)) {
        Ok((table, _)) => table,
        Err(mistakes) => panic!("{}", shown(&mistakes)),
    }
}

fn fleet_of(yaml: &str) -> Fleet {
    let files = Sources {
        customers: file("customers.yaml", yaml),
        ..sources()
    };
    parse::load(&files).unwrap().fleet
}

fn shown(mistakes: &[Diagnostic]) -> String {
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    mistakes.join("\n\n")
}

/// Place and message of each mistake.
fn mistakes(text: &str) -> Vec<(u32, u32, String)> {
    let found = Table::within(&table(text)).unwrap_err();
    assert!(
        found.iter().all(|one| one.file == "fleet.csv"),
        "{}",
        shown(&found)
    );
    let errors = found
        .into_iter()
        .filter(|one| one.severity == Severity::Error);
    errors
        .map(|one| {
            (
                one.line,
                one.column,
                format!("{}; {}", one.message, one.help.unwrap_or_default()),
            )
        })
        .collect()
}

#[track_caller]
fn is_mistake(text: &str, line: u32, column: u32, part: &str) {
    let found = mistakes(text);
    let is_there = found
        .iter()
        .any(|one| (one.0, one.1) == (line, column) && one.2.contains(part));
    assert!(is_there, "{found:?}");
}

#[test]
fn a_table_says_what_the_file_would() {
    let text = "\
key,name,tier,timezone,order,tags,services.backend.id,services.backend.url,services.database.id,secrets.DB.env,secrets.JWT.file,\
window.cron,window.duration,window.timezone,pin.version,pin.until,contacts.email,x-manager
acme,\"Acme, \"\"the\"\" first\nof all\",demo,Europe/Berlin,-5,eu | port,srv-1,https://acme.example,dpg-1,ACME_DB,secrets/jwt,\
30 23 * * SATL,5h,customer,1.0,2027-06-30,it@acme.example,Ann
 bolt ,=1+1,demo,,,us,srv-2,https://bolt.example,,,,,,,,,,
";
    let yaml = r#"
customers:
  acme:
    name: "Acme, \"the\" first\nof all"
    tier: demo
    timezone: Europe/Berlin
    order: -5
    tags: [eu, port]
    services: { backend: { id: srv-1, url: "https://acme.example" }, database: { id: dpg-1 } }
    secrets: { DB: { env: ACME_DB }, JWT: { file: secrets/jwt } }
    window: { cron: "30 23 * * SATL", duration: 5h, timezone: customer }
    pin: { version: "1.0", until: 2027-06-30 }
    contacts: { email: it@acme.example }
  bolt:
    name: "=1+1"
    tier: demo
    tags: us
    services: { backend: { id: srv-2, url: "https://bolt.example" } }
"#;
    let read = read(text);
    assert_eq!(read.fleet, fleet_of(yaml));
    assert_eq!(read.free, ["x-manager"]);
    assert_eq!(read.file["customers"]["acme"]["order"], json!(-5));
    // The text keeps the order of rows and columns, and says the same.
    let begin = "customers:\n  acme:\n    name: \"Acme, \\\"the\\\" first\\nof all\"\n    tier: demo\n    timezone: Europe/Berlin\n    order: -5\n    tags: [eu, port]\n";
    assert!(read.text.starts_with(begin), "{}", read.text);
    assert_eq!(fleet_of(&read.text), read.fleet);
    assert_eq!(parse::value(&file("f", &read.text)), Some(read.file));
}

#[test]
fn semicolons_tabs_marks_and_line_ends_of_spreadsheets_are_read() {
    let plain = format!("{HEADINGS}\nacme,\"A, B\",demo,srv-1,https://a.example\n");
    let expected = read(&plain).fleet;
    let semicolons = "key;name;tier;services.backend.id;services.backend.url\r\nacme;A, B;demo;srv-1;https://a.example\r\n;;;;\r\n";
    let ways = [
        semicolons.to_owned(),
        semicolons.replace(';', "\t"),
        semicolons.replace("\r\n", "\r"),
        format!("sep=;\r\n{semicolons}"),
        format!("\n{plain}"),
        plain.trim_end().to_owned(),
        plain
            .replace("url\n", "url,,\n")
            .replace("example\n", "example,,\n"),
    ];
    for way in ways {
        assert_eq!(read(&way).fleet, expected, "{way:?}");
    }
}

#[test]
fn every_mistake_names_its_cell_and_all_are_told_at_once() {
    let text = "\
key;tier;timezone;order;services.backend.id;services.backend.url;tagz;pin
acme;demo;Europe/Berlln;many;srv-1;ftp://a;;
;demo;;;srv-2;https://b.example;;
a b;;;;srv-1;https://c.example;;
acme;demo;;;srv-4;https://d.example;;;;stray
";
    for (line, column, part) in [
        (1, 66, "did you mean `tags`?"),
        (1, 71, "write `pin.version`, `pin.until` and `pin.reason`"),
        (2, 11, "did you mean `Europe/Berlin`?"),
        (2, 25, "expected a whole number"),
        (2, 36, "`ftp://a` is no address"),
        (3, 2, "this row has no `key`"),
        (4, 1, "`a b` cannot be a name"),
        (4, 1, "a customer needs the key `tier`"),
        (5, 1, "it stands in line 2 already"),
        (5, 40, "this column has no heading"),
    ] {
        is_mistake(text, line, column, part);
    }
    let checks = format!(
        "{HEADINGS}\nacme,A,gold,srv-1,https://a.example\ndemo,B,demo,srv-1,https://b.example\n"
    );
    is_mistake(&checks, 2, 8, "no policy covers the tier `gold` (`acme`)");
    is_mistake(&checks, 3, 1, "named like a policy");
    is_mistake(&checks, 3, 13, "belongs to `acme` already");
}

#[test]
fn what_is_no_table_is_said_where_it_begins_to_be_none() {
    let row = |cells: &str| format!("{HEADINGS}\n{cells}\n");
    is_mistake("", 1, 1, "the file is empty");
    is_mistake(HEADINGS, 1, 1, "no customer in this table");
    is_mistake("name,tier\nA,demo\n", 1, 1, "needs the column `key`");
    is_mistake(&row("acme,\"A,demo"), 2, 6, "never closed");
    is_mistake(&row("acme,\"A\" B,demo"), 2, 10, "behind its closing quote");
    is_mistake("key,key,tier\n", 1, 5, "written twice");
    is_mistake("key,tier,tags.x\n", 1, 10, "there is nothing below `tags`");
    is_mistake(
        "key,tier,services.backend\n",
        1,
        10,
        "write `services.backend.id` and `services.backend.url`",
    );
    is_mistake(
        "key,tier,services.backend.idd\n",
        1,
        10,
        "did you mean `services.backend.id`?",
    );
    is_mistake("id,Tier\nacme,demo\n", 1, 4, "did you mean `tier`?");
}

#[test]
fn a_table_has_limits() {
    let wide = format!("key{}\n", ",x-a".repeat(1_000));
    is_mistake(&wide, 1, 1, "more than 1000 columns");
    let mut long = "key\n".to_owned();
    long.push_str(&"a\n".repeat(100_001));
    is_mistake(&long, 100_002, 1, "more than 100000 rows");
}

#[test]
fn without_a_project_the_customers_are_checked_alone() {
    let good = file(
        "fleet.csv",
        &format!("{HEADINGS}\nacme,A,gold,srv-1,https://a.example\n"),
    );
    let read = Table::alone(&good).unwrap();
    assert!(read.fleet.customers.contains_key(&CustomerId::new("acme")));
    let bad = File {
        text: good.text.replace("https://", "//"),
        ..good
    };
    let found = Table::alone(&bad).unwrap_err();
    assert_eq!(
        (found[0].line, found[0].column),
        (2, 19),
        "{}",
        shown(&found)
    );
}

#[test]
fn the_columns_are_those_of_a_customer() {
    let columns = columns();
    for name in [
        "key",
        "tier",
        "tags",
        "services.NAME.id",
        "secrets.NAME.env",
        "window.cron",
        "pin.until",
        "contacts.NAME",
    ] {
        assert!(
            columns.iter().any(|column| column == name),
            "{name}: {columns:?}"
        );
    }
    let reference = include_str!("../../../../docs/reference/files.md");
    for column in columns {
        assert!(
            reference.contains(&format!("`{column}`")),
            "{column} is not in docs/reference/files.md"
        );
    }
}
