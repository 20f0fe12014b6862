//! The figures of docs/fleet.md.

use std::fs;

use crate::tables;

#[test]
fn the_page_has_the_tables() -> std::io::Result<()> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleet.md"))?;
    let command = "cargo run --release --no-default-features --example fleet";
    assert!(page.contains(command), "the page names the command");
    for (about, table) in tables::all() {
        assert!(page.contains(&table), "{about}: {command} prints\n\n{table}");
    }
    Ok(())
}
