//! Messages through the session bus, and what people do with them.
//!
//! Source: Desktop Notifications Specification 1.2, `org.freedesktop.Notifications`.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt as _;
use tauri::{AppHandle, Builder, Manager as _, Wry};
use tokio::sync::mpsc;
use zbus::{Connection, MatchRule, MessageStream, message::Type, zvariant::Value};

use super::{About, Message};
use crate::{
    deeds,
    memory::{Memory, remember},
    own::Own,
};

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// Names under which our package installs icon and desktop file.
const ICON: &str = "gridwell-desktop";
const DESKTOP_ENTRY: &str = "Gridwell";
/// What a click on the message itself is called.
const CLICK: &str = "default";
const BUTTON: &str = "button";
/// Reason of a closed message: a person put it away.
const BY_PERSON: u32 = 2;
/// Most messages that are remembered while they are shown; no panel keeps as many.
const MOST_SHOWN: usize = 64;
/// After so many dismissals nobody is told any more that their machine lends (ui-spec §9).
const MOST_DISMISSED: u32 = 2;
/// Signals of other programs' messages come along; a person causes few.
const SIGNALS: usize = 64;

/// Nothing has to be plugged in: the bus is enough.
pub(crate) fn plug(builder: Builder<Wry>) -> Builder<Wry> {
    builder
}

/// Shows messages until nobody sends any more.
pub(super) async fn run(app: AppHandle, mut inlet: mpsc::Receiver<Message>) {
    while let Some(message) = inlet.recv().await {
        // With the next message the bus is looked for again.
        if let Err(error) = serve(&app, message, &mut inlet).await {
            tracing::debug!(%error, "the desktop took no notification");
        }
    }
}

/// Shows messages, and hears what people do with them, while the bus is there.
async fn serve(app: &AppHandle, first: Message, inlet: &mut mpsc::Receiver<Message>) -> zbus::Result<()> {
    let bus = Connection::session().await?;
    let rule = MatchRule::builder().msg_type(Type::Signal).path(PATH)?.interface(SERVICE)?.build();
    let mut signals = MessageStream::for_match_rule(rule, &bus, Some(SIGNALS)).await?;
    let mut shown = Shown::default();
    shown.add(show(&bus, &first).await?, first);
    loop {
        tokio::select! {
            message = inlet.recv() => {
                let Some(message) = message else { return Ok(()) };
                shown.add(show(&bus, &message).await?, message);
            }
            signal = signals.next() => {
                let Some(signal) = signal else { return Ok(()) };
                shown.hear(app, &signal?);
            }
        }
    }
}

/// Asks the desktop to show a message; returns its number there.
async fn show(bus: &Connection, message: &Message) -> zbus::Result<u32> {
    let button = message.button.iter().flat_map(|(label, _)| [BUTTON, *label]);
    let actions: Vec<&str> = [CLICK, ""].into_iter().chain(button).collect();
    let hints = HashMap::from([("desktop-entry", Value::from(DESKTOP_ENTRY))]);
    const REPLACES_NONE: u32 = 0;
    const USUAL_TIME: i32 = -1;
    let words = ("Gridwell", REPLACES_NONE, ICON, &message.title, escaped(&message.body), actions, hints, USUAL_TIME);
    bus.call_method(Some(SERVICE), PATH, Some(SERVICE), "Notify", &words).await?.body().deserialize()
}

/// Messages that are on the screen, by the desktop's number.
#[derive(Debug, Default)]
struct Shown(BTreeMap<u32, Message>);

impl Shown {
    fn add(&mut self, id: u32, message: Message) {
        if self.0.len() >= MOST_SHOWN {
            self.0.pop_first();
        }
        self.0.insert(id, message);
    }

    fn hear(&mut self, app: &AppHandle, signal: &zbus::Message) {
        let header = signal.header();
        let body = signal.body();
        match header.member().map(|member| member.as_str()) {
            Some("ActionInvoked") => {
                let Ok((id, action)) = body.deserialize::<(u32, String)>() else { return };
                // Answered once; that it closes then says nothing.
                if let Some(message) = self.0.remove(&id) {
                    answered(app, message, action == BUTTON);
                }
            }
            Some("NotificationClosed") => {
                let Ok((id, reason)) = body.deserialize::<(u32, u32)>() else { return };
                if let Some(message) = self.0.remove(&id)
                    && reason == BY_PERSON
                {
                    dismissed(app, message.about);
                }
            }
            _ => {}
        }
    }
}

/// A person chose the message itself, or its button.
fn answered(app: &AppHandle, message: Message, by_button: bool) {
    if message.about == About::Lending {
        remember(app, |memory| memory.lending_dismissed = 0);
    }
    let deed = message.button.map(|(_, deed)| deed).filter(|_| by_button).unwrap_or(message.click);
    deeds::carry_out(app, deed);
}

/// A person put the message away.
fn dismissed(app: &AppHandle, about: About) {
    if about != About::Lending {
        return;
    }
    let mut enough = false;
    remember(app, |memory| enough = count_dismissal(memory));
    if enough && let Err(error) = app.state::<Own>().change(|settings| settings.notify_lending = false) {
        tracing::warn!(%error, "the choice to hear no more of lending was not kept");
    }
}

/// Counts a dismissal; true once there were enough, and then counting begins anew.
const fn count_dismissal(memory: &mut Memory) -> bool {
    memory.lending_dismissed = (memory.lending_dismissed + 1) % MOST_DISMISSED;
    memory.lending_dismissed == 0
}

/// Bodies may hold markup; titles never do.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escaped("<b>kitchen</b> & co"), "&lt;b&gt;kitchen&lt;/b&gt; &amp; co");
    }

    #[test]
    fn the_second_dismissal_is_enough_and_a_person_may_turn_it_on_again() {
        let mut memory = Memory::default();
        assert!(!count_dismissal(&mut memory));
        assert!(count_dismissal(&mut memory));
        assert!(!count_dismissal(&mut memory));
    }
}
