//! The icon in the panel: what this machine does at a glance, and the few things one wants without a window.

mod glyphs;
mod look;

use std::sync::Mutex;

use gridwell_api::JobView;
use gridwell_model::Stamp;
use tauri::{
    AppHandle, Manager as _, Wry,
    menu::{Menu, MenuItem, PredefinedMenuItem},
    tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent},
};

pub(crate) use look::{Look, now};

use crate::{
    deeds::{Deed, PAUSE_SECS, carry_out},
    window,
};

const ID: &str = "main";

/// The items that change their words. They are made once and never rebuilt: panels lose menus that are.
pub(crate) struct Items {
    state: MenuItem<Wry>,
    job: MenuItem<Wry>,
    pause: MenuItem<Wry>,
    until_tomorrow: MenuItem<Wry>,
    finish: MenuItem<Wry>,
    results: MenuItem<Wry>,
    shown: Mutex<Look>,
}

/// Puts the icon into the panel.
pub(crate) fn make(app: &AppHandle) -> tauri::Result<()> {
    let item = |id: &str, text: &str, enabled: bool| MenuItem::with_id(app, id, text, enabled, None::<&str>);
    let line = || PredefinedMenuItem::separator(app);
    let look = Look::default();
    let items = Items {
        state: item("state", &look.state_line, false)?,
        job: item("job", &look.job_line, false)?,
        pause: item("pause", &look.pause_line, true)?,
        until_tomorrow: item("until-tomorrow", "Pause until tomorrow", true)?,
        finish: item("finish", "Finish current tasks, then pause", true)?,
        results: item("results", "Recent results", false)?,
        shown: Mutex::new(look),
    };
    let menu = Menu::with_items(
        app,
        &[
            &items.state,
            &items.job,
            &line()?,
            &item("open", "Open Gridwell", true)?,
            &items.pause,
            &items.until_tomorrow,
            &items.finish,
            &items.results,
            &item("settings", "Settings…", true)?,
            &line()?,
            &item("quit", "Quit…", true)?,
        ],
    )?;
    let icon = glyphs::icon(gridwell_api::MachineState::Offline);
    TrayIconBuilder::with_id(ID)
        .icon(icon)
        .tooltip("Gridwell")
        .title("Gridwell")
        .menu(&menu)
        .show_menu_on_left_click(false)
        .on_menu_event(|app, event| chosen(app, event.id().as_ref()))
        .on_tray_icon_event(|tray, event| {
            if let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event {
                window::show(tray.app_handle(), None);
            }
        })
        .build(app)?;
    app.manage(items);
    Ok(())
}

/// Brings icon and words up to date, as far as they changed.
pub(crate) fn show(app: &AppHandle, look: &Look) {
    let Some(items) = app.try_state::<Items>() else { return };
    let mut shown = items.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if *shown == *look {
        return;
    }
    if let Some(tray) = app.tray_by_id(ID) {
        if shown.state != look.state {
            let _ = tray.set_icon(Some(glyphs::icon(look.state)));
        }
        let _ = tray.set_tooltip(Some(&look.tip));
    }
    let _ = items.state.set_text(&look.state_line);
    let _ = items.job.set_text(&look.job_line);
    let _ = items.job.set_enabled(look.job.is_some());
    let _ = items.pause.set_text(&look.pause_line);
    let _ = items.until_tomorrow.set_enabled(!look.paused);
    let _ = items.finish.set_enabled(!look.paused);
    let _ = items.results.set_enabled(look.results.is_some());
    *shown = look.clone();
}

fn chosen(app: &AppHandle, id: &str) {
    let Some(items) = app.try_state::<Items>() else { return };
    let look = items.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let deed = match id {
        "open" => Some(Deed::Show),
        "job" => look.job.map(Deed::show_job),
        "pause" if look.paused => Some(Deed::Resume),
        "pause" => Some(Deed::PauseFor(PAUSE_SECS)),
        "until-tomorrow" => Some(Deed::PauseFor(look::secs_until_tomorrow(&jiff::Zoned::now()))),
        "finish" => Some(Deed::Pause),
        "results" => look.results.map(Deed::OpenFolder),
        "settings" => Some(Deed::ShowScreen("#/settings".into())),
        "quit" => Some(Deed::Quit),
        _ => None,
    };
    if let Some(deed) = deed {
        carry_out(app, deed);
    }
}

/// The line of a job in the menu: `kitchen: 143 of 240, 11 min left`.
fn job_line(job: &JobView) -> String {
    let name = look::plain(&job.name, 40);
    let left = job.time_left_secs.map(|secs| format!(", {} left", look::duration(secs))).unwrap_or_default();
    format!("{name}: {} of {}{left}", job.counts.ended(), job.counts.total())
}

/// How long a pause still lasts: `42 min left`.
fn left(until: Stamp, now: Stamp) -> String {
    look::duration(until.0.saturating_sub(now.0) as f64 / 1e3)
}
