//! Simulates fleets of nginx behind one provider, with the module's own clockwork, and prints the tables of docs/fleet.md.

mod scenarios;
mod simulation;
mod tables;

fn main() {
    for (about, table) in tables::all() {
        println!("{about}\n\n{table}");
    }
}
