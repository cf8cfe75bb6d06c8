//! Every row and rule of the idle policy, and traces of made-up owners. `docs/courtesy.md` says what each step means.

mod cases;
mod condor;
mod ladder;
mod machine;
mod rules;
mod traces;
