//! What the core takes for each step of a request: `cargo bench --no-default-features`.
//! Nothing here judges times; scripts/bench measures whole requests.
fn main() {
    divan::main();
}
