use std::{fmt::Display, str::FromStr, time::Duration};

use clap::Args;
use gridwell_model::{Sharpness, Strategy, Tariff, Watts, Weight};

/// `gridwell set`
#[derive(Debug, Args)]
pub struct SetArgs {
    /// strategy=horizontal|vertical|direct, sharpness=0…32|best, weight=-100…100, isolated-after=TIME, relay=on|off, reach=1…6,
    /// copies=SIZE, share-copies=SIZE, watts=WATTS|off (what the machine draws with all its cores at work), tariff=PRICE|off (of a kilowatt-hour)
    #[arg(required = true, value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<Setting>,
}

/// One part of how gravity is tuned.
#[derive(Debug, Clone, Copy)]
pub enum Setting {
    /// How machines are chosen for jobs that start here.
    Strategy(Strategy),
    /// How sharply the one that pulls most is favoured.
    Sharpness(Sharpness),
    /// How use of this machine counts.
    Weight(Weight),
    /// For how long no other machine may be reachable before people hear of it.
    IsolatedAfter(Duration),
    /// Whether it passes on what others send to each other.
    Relay(bool),
    /// Over how many links tasks of its jobs go.
    Reach(u32),
    /// Most bytes that are copied here for one job of another machine.
    Copies(u64),
    /// Most bytes of copies of shared files that are kept here.
    ShareCopies(u64),
    /// What this machine draws with all its cores at work; nobody says so any more when absent.
    Watts(Option<Watts>),
    /// What a kilowatt-hour costs here; the same.
    Tariff(Option<Tariff>),
}

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE, like strategy=vertical")?;
    match name {
        "strategy" => value.parse().map(Setting::Strategy).map_err(|error| error.to_string()),
        "sharpness" => value.parse().map(Setting::Sharpness).map_err(|error| error.to_string()),
        "weight" => value.parse().map(Setting::Weight).map_err(|error| error.to_string()),
        "isolated-after" => {
            gridwell_model::parse_duration(value).map(Setting::IsolatedAfter).map_err(|error| error.to_string())
        }
        "relay" => match value {
            "on" => Ok(Setting::Relay(true)),
            "off" => Ok(Setting::Relay(false)),
            _ => Err(format!("relay is on or off, not '{value}'")),
        },
        "reach" => value.parse().map(Setting::Reach).map_err(|_| format!("'{value}' is no number of links")),
        "copies" => gridwell_model::parse_bytes(value).map(Setting::Copies).map_err(|error| error.to_string()),
        "share-copies" => {
            gridwell_model::parse_bytes(value).map(Setting::ShareCopies).map_err(|error| error.to_string())
        }
        "watts" => said(value).map(Setting::Watts),
        "tariff" => said(value).map(Setting::Tariff),
        _ => Err(format!(
            "nothing is called '{name}' here: strategy, sharpness, weight, isolated-after, relay, reach, copies, share-copies, \
             watts and tariff are"
        )),
    }
}

/// Reads a figure that its owner may say, or take back.
fn said<T: FromStr<Err: Display>>(value: &str) -> Result<Option<T>, String> {
    if value == "off" { Ok(None) } else { value.parse().map(Some).map_err(|error: T::Err| error.to_string()) }
}
