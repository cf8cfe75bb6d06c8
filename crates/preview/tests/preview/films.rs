//! Frames of films, with the ffmpeg of this machine.

use std::{fs, path::Path, process::Command};

use gridwell_preview::{Extent, PreviewConfig, PreviewError, Previews, Size, Source};

use crate::support::{Desk, find, pixels};

/// A film that is red for half a second and green afterwards.
fn film(path: &Path, secs: f32) {
    let green = format!("color=c=0x20c040:s=320x180:r=10:d={}", (secs - 0.5).max(0.1));
    let made = Command::new(find("ffmpeg").expect("ffmpeg is installed, as the other tests of films need"))
        .args([
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            "color=c=red:s=320x180:r=10:d=0.5",
            "-f",
            "lavfi",
            "-i",
            &green,
        ])
        .args(["-filter_complex", "[0][1]concat=n=2", "-pix_fmt", "yuv420p", "-c:v", "mpeg4", "-q:v", "2"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

async fn look(desk: &Desk, path: &Path) -> Result<gridwell_preview::Picture, PreviewError> {
    desk.previews.picture(Source::Film(path.to_owned()), Size::covering(160)).await
}

#[tokio::test]
async fn a_film_shows_a_frame_behind_its_beginning_or_its_first() {
    let desk = Desk::new();
    for (name, secs, green) in [("long film's –α.mp4", 2.0, true), ("-short.mkv", 0.5, false), ("a.avi", 2.0, true)]
    {
        let path = desk.path(name);
        film(&path, secs);
        let picture = look(&desk, &path).await.unwrap();
        assert_eq!(picture.source, Extent { width: 320, height: 180 });
        assert_eq!(picture.extent, Extent { width: 160, height: 90 });
        let [red, shown_green, ..] = pixels(&picture).get_pixel(80, 45).0;
        assert_eq!(shown_green > red, green, "{name}");
    }
    look(&desk, &desk.path("a.avi")).await.unwrap();
    assert_eq!(desk.previews.made(), 3);
}

#[tokio::test]
async fn what_leads_to_other_files_is_no_film() {
    let desk = Desk::new();
    let secret = desk.path("secret.ts");
    film(&secret, 2.0);
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\nsecret.ts\n#EXT-X-ENDLIST\n";
    let list = "ffconcat version 1.0\nfile secret.ts\n";
    for text in [list, playlist, "a text", ""] {
        let path = desk.write("film.mp4", text.as_bytes());
        let refused = look(&desk, &path).await.unwrap_err();
        assert!(matches!(refused, PreviewError::NoPicture { .. }), "{refused}: {text}");
    }
}

#[tokio::test]
async fn a_cut_film_is_an_error_or_a_picture_and_a_pipe_is_no_film() {
    let desk = Desk::new();
    let path = desk.path("a.mp4");
    film(&path, 2.0);
    let whole = fs::read(&path).unwrap();
    let cut = desk.write("cut.mp4", &whole[..whole.len() / 2]);
    // Its table of frames stands at the end.
    assert!(matches!(look(&desk, &cut).await, Err(PreviewError::NoPicture { .. })));
    let folder = look(&desk, desk.temp.path()).await;
    assert!(matches!(folder, Err(PreviewError::NotAFile { .. })));
}

#[tokio::test]
async fn a_machine_without_ffmpeg_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a.mp4");
    fs::write(&path, "a film").unwrap();
    let config = PreviewConfig { folder: temp.path().join("previews"), ffmpeg: None, cores: 2 };
    let refused = Previews::open(config).unwrap().picture(Source::Film(path), Size::covering(64)).await.unwrap_err();
    assert!(matches!(refused, PreviewError::FilmToolMissing { .. }));
}
