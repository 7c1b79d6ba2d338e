//! Which account runs this process? The kernel knows its number, `/etc/passwd` its name; the environment is not asked, since
//! anybody may set it.

use std::fs;

const PASSWD: &str = "/etc/passwd";

/// The name of this process's account, or `uid-N` if it has none.
pub fn account_name() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let passwd = fs::read_to_string(PASSWD).unwrap_or_default();
    name_of(&passwd, uid).map_or_else(|| format!("uid-{uid}"), str::to_owned)
}

fn name_of(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == uid).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn an_account_has_the_name_of_its_number() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\n# a comment\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000), Some("ann"));
        assert_eq!(name_of(passwd, 0), Some("root"));
        assert_eq!(name_of(passwd, 7), None);
    }
}
