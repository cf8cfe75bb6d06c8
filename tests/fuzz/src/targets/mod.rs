//! The targets, by what they take in.

mod content;
mod copies;
mod invitations;
mod jobs;
mod links;
mod membership;
mod pairing;
mod scenes;
mod shares;
mod wire;

use crate::Target;

pub(crate) const ALL: &[Target] = &[
    Target { name: "frames", run: wire::run, seeds: wire::seeds },
    Target { name: "content", run: content::run, seeds: content::seeds },
    Target { name: "letters", run: links::run, seeds: links::seeds },
    Target { name: "membership", run: membership::run, seeds: membership::seeds },
    Target { name: "deeds", run: membership::deeds::run, seeds: membership::deeds::seeds },
    Target { name: "invitations", run: invitations::run, seeds: invitations::seeds },
    Target { name: "pairing", run: pairing::run, seeds: pairing::seeds },
    Target { name: "copies", run: copies::run, seeds: copies::seeds },
    Target { name: "deputies", run: copies::deputies::run, seeds: copies::deputies::seeds },
    Target { name: "jobs", run: jobs::run, seeds: jobs::seeds },
    Target { name: "scenes", run: scenes::run, seeds: scenes::seeds },
    Target { name: "shares", run: shares::run, seeds: shares::seeds },
];
