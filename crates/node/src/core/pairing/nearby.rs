//! Machines on the same network that show a code.

use std::time::Duration;

use futures::future::join_all;
use gridwell_api::{ApiError, ErrorCode, NearbyView, Response};
use gridwell_model::{PeerId, Time};
use gridwell_net::{Announced, Found, NearbyError, NetHandle, look_nearby};
use gridwell_trust::{call, who_answers};

use super::{
    super::{Core, Fact, facts::Reply},
    fingerprint,
};
use crate::clock;

/// Most machines whose names are asked: each takes one of its few places for strangers for a moment.
const MAX_ASKED: usize = 8;
/// A machine that does not say its name in this time is shown by its address.
const NAME: Duration = Duration::from_secs(3);

/// This machine can be found.
#[derive(Debug)]
pub(super) struct Findable {
    invite: [u8; 8],
    until: Time,
    /// Dropped, it says goodbye.
    _announced: Announced,
}

impl Findable {
    pub(super) const fn until(&self) -> Time {
        self.until
    }
}

impl Core {
    /// Lets this machine be found while it shows the code of that invite.
    pub(super) fn become_findable(&self, invite: [u8; 8]) {
        if !self.machines.settings().nearby {
            return;
        }
        let nameplate: String = crate::start::random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        let listening = self.membership.addresses.clone();
        self.spawn(async move {
            let announced = tokio::task::spawn_blocking(move || Announced::new(&nameplate, &listening)).await;
            let stopped = |error: tokio::task::JoinError| Err(NearbyError::Multicast { why: error.to_string() });
            Fact::CodeAnnounced(invite, announced.unwrap_or_else(stopped))
        });
    }

    pub(crate) fn on_code_announced(&mut self, invite: [u8; 8], announced: Result<Announced, NearbyError>) {
        let until = self.membership.invites.open_until(invite, clock::stamp());
        match (announced, until) {
            (Ok(announced), Some(until)) if self.pairing.host.shown() == Some(invite) => {
                let left = Duration::from_millis(until.0.saturating_sub(clock::stamp().0));
                let until = clock::now() + left;
                self.pairing.findable = Some(Findable { invite, until, _announced: announced });
            }
            // The code has gone meanwhile.
            (Ok(_), _) => {}
            (Err(error), _) => tracing::warn!(%error, "this machine is not found by others nearby"),
        }
    }

    /// Is found no longer than the code is shown.
    pub(super) fn follow_code(&mut self, now: Time) {
        let shown = self.pairing.host.shown();
        let wanted = self.machines.settings().nearby;
        self.pairing.findable.take_if(|held| !wanted || held.until <= now || shown != Some(held.invite));
    }

    pub(crate) fn nearby(&self, reply: Reply) {
        let looking = self.look_around();
        self.beside.spawn(async move {
            let _gone = reply.send(looking.await.map(Response::Nearby));
        });
    }

    /// Looks for machines that show a code, and asks for their names.
    pub(super) fn look_around(
        &self,
    ) -> impl Future<Output = Result<Vec<NearbyView>, ApiError>> + Send + 'static + use<> {
        let said = call(&self.caller(), crate::start::random());
        let (net, me, on) = (self.net.clone(), self.me, self.machines.settings().nearby);
        let listening = self.membership.addresses.clone();
        async move {
            if !on {
                let error = ApiError::new(ErrorCode::WrongState, "finding machines nearby is switched off here");
                return Err(error.help("switch it on with: gridwell pair nearby --on, or name an address with --at"));
            }
            let found = look_nearby(listening).await;
            let found = found.map_err(|error| {
                ApiError::new(ErrorCode::PeerUnreachable, error.to_string()).help("name an address with --at HOST:PORT")
            })?;
            let asked = found.into_iter().take(MAX_ASKED).map(|found| name(net.clone(), found, said.clone()));
            let named = join_all(asked).await;
            Ok(named.into_iter().filter(|view| view.peer != Some(me)).collect())
        }
    }
}

/// What people call a machine that was found, if it says so.
async fn name(net: NetHandle, found: Found, said: Vec<u8>) -> NearbyView {
    let Found { nameplate, addresses } = found;
    let asked = async {
        let (host, mut talk) = net.visit(None, addresses.clone()).await.ok()?;
        talk.say.send(said).await.ok()?;
        let answer = talk.heard.recv().await?;
        Some((host, who_answers(&answer, host)))
    };
    let answer: Option<(PeerId, Option<String>)> = tokio::time::timeout(NAME, asked).await.ok().flatten();
    let peer = answer.as_ref().map(|(host, _)| *host);
    let told = answer.and_then(|(_, name)| name);
    let machine = told.or_else(|| addresses.first().cloned()).unwrap_or_default();
    NearbyView { nameplate, machine, peer, fingerprint: peer.map(fingerprint).unwrap_or_default(), addresses }
}
