//! What is made once is found afterwards.

use std::{fs, io::Cursor, time::SystemTime};

use futures::{future::join_all, poll};
use gridwell_preview::{Content, PreviewError, Size, Source};
use image::{ImageFormat, Rgba, RgbaImage};

use crate::support::{Desk, encoded, open, pixels};

fn plain(grey: u8) -> Vec<u8> {
    let image = RgbaImage::from_pixel(100, 100, Rgba([grey, grey, grey, 255]));
    crate::support::written(&image.into(), ImageFormat::Png)
}

#[tokio::test]
async fn the_second_request_decodes_nothing_also_after_a_restart() {
    let desk = Desk::new();
    let path = desk.write("a.png", &encoded(ImageFormat::Png, 200, 100));
    let first = desk.look(path.clone()).await.unwrap();
    assert_eq!(desk.look(path.clone()).await.unwrap(), first);
    assert_eq!(desk.previews.made(), 1);

    let again = open(desk.temp.path());
    assert_eq!(again.picture(Source::File(path.clone()), Size::covering(64)).await.unwrap(), first);
    assert_eq!(again.made(), 0);
    again.picture(Source::File(path), Size::covering(160)).await.unwrap();
    assert_eq!(again.made(), 1, "another size is another picture");
}

#[tokio::test]
async fn a_changed_file_gives_a_new_picture_whatever_its_time_says() {
    let desk = Desk::new();
    let path = desk.write("a.png", &plain(50));
    let long_ago = SystemTime::UNIX_EPOCH;
    for grey in [50, 90] {
        // As programs do that keep the time of what they copy.
        fs::write(&path, plain(grey)).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let picture = desk.look(path.clone()).await.unwrap();
        assert_eq!(pixels(&picture).get_pixel(5, 5).0, [grey, grey, grey, 255]);
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(desk.look(path).await, Err(PreviewError::Unreadable { .. })));
}

#[tokio::test]
async fn who_asks_at_the_same_time_gets_the_same_answer() {
    let desk = Desk::new();
    let path = desk.write("a.png", &encoded(ImageFormat::Png, 1_000, 500));
    let answers = join_all((0..20).map(|_| desk.look(path.clone()))).await;
    let first = answers[0].as_ref().unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == first));
    assert_eq!(desk.previews.made(), 1);
}

#[test]
fn too_many_at_once_are_refused_and_the_rest_is_served() {
    // Files are looked at on the only thread that may block; while it is held, nobody is answered.
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || gate.recv());
    runtime.block_on(async {
        let desk = Desk::new();
        let path = desk.write("a.png", &encoded(ImageFormat::Png, 100, 50));
        let mut asked = Vec::new();
        for _ in 0..512 {
            let mut answer = Box::pin(desk.look(path.clone()));
            // From its first poll on it counts.
            assert!(poll!(&mut answer).is_pending());
            asked.push(answer);
        }
        assert!(matches!(desk.look(path.clone()).await, Err(PreviewError::Busy { limit: 512 })));
        open.send(()).unwrap();
        assert!(join_all(asked).await.iter().all(Result::is_ok));
        assert!(desk.look(path).await.is_ok());
    });
}

#[tokio::test]
async fn a_request_that_is_dropped_keeps_nobody_else_waiting() {
    let desk = Desk::new();
    let large = desk.write("large.png", &encoded(ImageFormat::Png, 2_000, 2_000));
    let small = desk.write("small.png", &encoded(ImageFormat::Png, 20, 20));
    let dropped = tokio::time::timeout(std::time::Duration::ZERO, desk.look(large)).await;
    assert!(dropped.is_err());
    desk.look(small).await.unwrap();
}

#[tokio::test]
async fn content_without_a_file_is_read_once_and_never_mixed_up_with_other_content() {
    let desk = Desk::new();
    let content = |tag: &str, bytes: Vec<u8>| Content {
        path: "/mill/projects/oak.png".into(),
        tag: tag.to_owned(),
        size_bytes: bytes.len() as u64,
        reader: Cursor::new(bytes),
    };
    let size = Size::covering(64);
    let first = desk.previews.picture_of(content("one", plain(50)), size).await.unwrap();
    let torn = content("one", b"this is not read any more".to_vec());
    assert_eq!(
        desk.previews.picture_of(Content { size_bytes: plain(50).len() as u64, ..torn }, size).await.unwrap(),
        first
    );
    let other = desk.previews.picture_of(content("two", plain(200)), size).await.unwrap();
    assert_ne!(pixels(&other), pixels(&first));

    let refused = desk.previews.picture_of(content("three", b"no picture".to_vec()), size).await.unwrap_err();
    assert!(matches!(refused, PreviewError::NotAPicture { .. }), "{refused:?}");
    let film = Content { path: "/mill/film.mp4".into(), ..content("four", plain(50)) };
    let refused = desk.previews.picture_of(film, size).await.unwrap_err();
    assert!(matches!(refused, PreviewError::NotAPicture { .. }), "only a program reads films: {refused:?}");
}
