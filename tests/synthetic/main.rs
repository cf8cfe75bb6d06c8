//! A local door with a made-up grid behind it, for measurements of the window that no grid of two cores can offer:
//! hundreds of machines, a thousand links, jobs of a hundred thousand tasks, events at any rate.
//!
//! The door, its guard and its messages are the real ones; only what they tell is made up, from a seed.
//! `cargo run -p gridwell-tests --example synthetic -- --data DIR --pages ui/dist` prints an address of the window for one
//! browser, and the id of the large job. A line on its standard input is another pace of the storm; where that is 0, it
//! answers with the number of changes there were.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "whoever starts it reads where its door is")]

mod events;
mod made;
mod node;
mod pages;
mod wanted;
mod world;

use std::{io, net::Ipv4Addr, process::ExitCode, sync::Arc, thread};

use gridwell_api::ApiError;
use gridwell_serve::{DataFolder, Door, Entrances, WindowEntrance};
use tokio::sync::watch;

use crate::{made::job_id, node::Synthetic, wanted::Wanted, world::World};

#[tokio::main]
async fn main() -> ExitCode {
    let opened = match Wanted::read(std::env::args().skip(1)) {
        Ok(wanted) => open(&wanted).await.map_err(|error| error.to_string()),
        Err(usage) => Err(usage),
    };
    match opened {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("synthetic: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Opens the door until somebody asks to stop.
async fn open(wanted: &Wanted) -> Result<(), ApiError> {
    let folder = DataFolder::lock(&wanted.data)?;
    let node = Arc::new(Synthetic::new(World::new(&wanted.size)));
    let window = WindowEntrance { address: (Ipv4Addr::LOCALHOST, 0).into(), pages: pages::read(&wanted.pages)? };
    let entrances = Entrances { http: None, window: Some(window) };
    let door = Door::open(&folder, entrances, Arc::<Synthetic>::clone(&node)).await?;
    println!("{}\n{}", door.window()?.map(|window| window.url).unwrap_or_default(), job_id(0));
    let (told, pace) = watch::channel(wanted.storm);
    thread::spawn(move || listen(&told));
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = events::stir(&node, wanted.updates) => {}
        () = events::storm(&node, pace) => {}
    }
    door.close().await;
    Ok(())
}

/// Hears other paces of the storm until nobody says any more.
fn listen(pace: &watch::Sender<u32>) {
    for line in io::stdin().lines().map_while(Result::ok) {
        match line.trim().parse() {
            Ok(per_second) => {
                pace.send_replace(per_second);
            }
            Err(_) => eprintln!("synthetic: {line}: not a number"),
        }
    }
}
