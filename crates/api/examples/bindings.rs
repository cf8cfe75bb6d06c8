//! Prints the TypeScript forms of the door's words; `cargo xtask bindings` keeps them.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    print!("{}", gridwell_api::typescript());
}
