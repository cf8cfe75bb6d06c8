//! What differs from desktop to desktop.

use serde::Serialize;

/// Light or dark, and the accent; `null` where only the page can ask.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Appearance {
    scheme: Option<&'static str>,
    accent: Option<String>,
    reduced_motion: Option<bool>,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{path::Path, time::Duration};

    use tauri::WebviewWindow;
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt as _, WebViewExt as _};
    use zbus::zvariant::{OwnedValue, Value};

    use super::Appearance;

    /// A portal that does not answer must not keep the page waiting.
    const PORTAL_PATIENCE: Duration = Duration::from_millis(500);

    /// Web kit draws with the processor faster than with an emulated graphics card.
    fn has_card() -> bool {
        let nodes = std::fs::read_dir(Path::new("/dev/dri")).into_iter().flatten().flatten();
        nodes.into_iter().any(|node| node.file_name().to_string_lossy().starts_with("renderD"))
    }

    /// Before the toolkit starts: without a graphics card it need not load an emulated one, 30 MB of it, to look for
    /// ways to draw that nobody then uses.
    pub(crate) fn before_toolkit() {
        const VARIABLE: &str = "GDK_GL";
        if !has_card() && std::env::var_os(VARIABLE).is_none() {
            // It fails on malformed names only.
            let _ = webkit2gtk::glib::setenv(VARIABLE, "disable", false);
        }
    }

    /// Chooses how a new window draws; true if with the graphics card, by our choice.
    pub(crate) fn after_window(window: &WebviewWindow, acceleration: bool) -> bool {
        // What a person set in the environment is meant.
        if std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("WEBKIT_")) {
            return false;
        }
        if acceleration && has_card() {
            return true;
        }
        let asked = window.with_webview(|webview| {
            if let Some(settings) = webview.inner().settings() {
                settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
            }
        });
        if let Err(error) = asked {
            tracing::warn!(%error, "the way of drawing was not chosen");
        }
        false
    }

    /// Whether a panel shows tray icons here.
    ///
    /// Source: `StatusNotifierWatcher` of the freedesktop.org status notifier specification.
    pub(crate) async fn has_panel() -> bool {
        tokio::time::timeout(PORTAL_PATIENCE, ask_for_panel()).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn ask_for_panel() -> zbus::Result<bool> {
        const WATCHER: &str = "org.kde.StatusNotifierWatcher";
        let bus = zbus::Connection::session().await?;
        let property = (WATCHER, "IsStatusNotifierHostRegistered");
        let properties = Some("org.freedesktop.DBus.Properties");
        let answer = bus.call_method(Some(WATCHER), "/StatusNotifierWatcher", properties, "Get", &property).await?;
        Ok(bool::try_from(answer.body().deserialize::<OwnedValue>()?)?)
    }

    pub(crate) async fn appearance() -> Appearance {
        tokio::time::timeout(PORTAL_PATIENCE, ask_portal()).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Source: XDG desktop portal, `org.freedesktop.appearance`.
    async fn ask_portal() -> zbus::Result<Appearance> {
        let bus = zbus::Connection::session().await?;
        let read = async |namespace: &str, key: &str| -> Option<OwnedValue> {
            let answer = bus
                .call_method(
                    Some("org.freedesktop.portal.Desktop"),
                    "/org/freedesktop/portal/desktop",
                    Some("org.freedesktop.portal.Settings"),
                    "ReadOne",
                    &(namespace, key),
                )
                .await
                .ok()?;
            answer.body().deserialize::<OwnedValue>().ok()
        };
        const APPEARANCE: &str = "org.freedesktop.appearance";
        let scheme = match read(APPEARANCE, "color-scheme").await.and_then(|value| u32::try_from(value).ok()) {
            Some(1) => Some("dark"),
            Some(2) => Some("light"),
            _ => None,
        };
        let accent = read(APPEARANCE, "accent-color").await.and_then(|value| accent_of(&value));
        let animations = read("org.gnome.desktop.interface", "enable-animations").await;
        let reduced_motion = animations.and_then(|value| bool::try_from(value).ok()).map(|on| !on);
        Ok(Appearance { scheme, accent, reduced_motion })
    }

    /// Red, green and blue from 0 to 1; anything else means that there is none.
    fn accent_of(value: &Value<'_>) -> Option<String> {
        let Value::Structure(parts) = value else { return None };
        let parts: Vec<f64> = parts.fields().iter().filter_map(|part| f64::try_from(part).ok()).collect();
        let &[red, green, blue] = parts.as_slice() else { return None };
        if ![red, green, blue].iter().all(|part| (0.0..=1.0).contains(part)) {
            return None;
        }
        let byte = |part: f64| (part * 255.0).round() as u8;
        Some(format!("#{:02x}{:02x}{:02x}", byte(red), byte(green), byte(blue)))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_accent_is_three_shares() {
            assert_eq!(accent_of(&Value::from((1.0, 0.5, 0.0))).as_deref(), Some("#ff8000"));
            assert_eq!(accent_of(&Value::from((-1.0, -1.0, -1.0))), None);
            assert_eq!(accent_of(&Value::from("red")), None);
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{after_window, appearance, before_toolkit, has_panel};

#[cfg(not(target_os = "linux"))]
pub(crate) const fn before_toolkit() {}

/// The page asks its own style sheet on these systems, and their web views choose how to draw.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn appearance() -> Appearance {
    Appearance::default()
}

#[cfg(not(target_os = "linux"))]
pub(crate) const fn after_window(_: &tauri::WebviewWindow, _: bool) -> bool {
    false
}

/// These systems always have a place for icons.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn has_panel() -> bool {
    true
}
