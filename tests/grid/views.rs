//! Row 18 of the seeds: the files of a folder read as one, and a part of a picture read without the rest of it.

use std::{fs, io::Cursor, process::Command};

use tiff::encoder::{TiffEncoder, colortype::RGB8};

use crate::{
    shares::{GROUP_BYTES, received, shared, until_shown},
    support::Grid,
};

/// Side of the picture in pixels: 27 MB.
const SIDE: u32 = 3_000;

fn colour(x: u32, y: u32) -> [u8; 3] {
    [(x / 16) as u8, (y / 16) as u8, ((x ^ y) % 251) as u8]
}

/// A TIFF in strips of 16 lines.
fn plate() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("a TIFF");
    let mut image = encoder.new_image::<RGB8>(SIDE, SIDE).expect("a picture");
    image.rows_per_strip(16).expect("strips");
    let pixels: Vec<u8> = (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| colour(x, y))).collect();
    image.write_data(&pixels).expect("pixels");
    file.into_inner()
}

#[test]
fn the_files_of_a_folder_are_read_as_one() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let folder = shared(&grid, 0).join("textures");
    for (name, size) in [("10", 5), ("2", 0), ("a", 3 * GROUP_BYTES + 7), ("b c", 1_500_000), (".hidden", 9), ("ü", 1)]
    {
        let bytes: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
        fs::write(folder.join(name), bytes).expect("a file");
    }
    fs::create_dir(folder.join("further")).expect("a folder");
    until_shown(quarry, "/mill/projects");
    // It says that it leaves the folder out.
    let shell = Command::new("sh").args(["-c", "cat *"]).env("LC_ALL", "C").current_dir(&folder).output();
    let shell = shell.expect("a shell").stdout;
    assert_eq!(shell.len(), 5 + 3 * GROUP_BYTES + 7 + 1_500_000 + 1);

    for peer in [mill, quarry] {
        let joined = peer.output(["files", "get", "/mill/projects/textures", "--joined", "-"]);
        assert!(joined.stdout == shell, "{}", String::from_utf8_lossy(&joined.stderr));
        let (head, part) = peer.get_with("/v1/tree/mill/projects/textures?joined=true", "Range: bytes=3-200009\r\n");
        assert!(head.starts_with("HTTP/1.1 206") && part == shell[3..200_010], "{head}");
    }
    let copy = grid.path("copy");
    quarry.ok(["files", "get", "/mill/projects/textures", "--joined", copy.to_str().expect("text")]);
    assert!(fs::read(copy).expect("a copy") == shell);
    assert!(quarry.refused(2, ["files", "get", "/mill/projects/textures/a", "--joined", "-"]).contains("is no folder"));
    assert!(quarry.refused(2, ["files", "get", "/mill", "--joined", "-"]).contains("is no share"));
}

#[test]
fn a_part_of_a_picture_is_read_without_the_rest() {
    let grid = Grid::of(&["mill", "quarry"]);
    let quarry = &grid.peers[1];
    let plate = plate();
    let folder = shared(&grid, 0);
    fs::write(folder.join("plate.tif"), &plate).expect("a file");
    until_shown(quarry, "/mill/projects");
    let before = received(quarry);
    let png = grid.path("part.png");

    let of = ["files", "get", "/mill/projects/plate.tif", "--region", "1000,2000,320,90"];
    quarry.ok(of.into_iter().chain([png.to_str().expect("text")]));

    let came = received(quarry) - before;
    assert!(came * 10 < plate.len() as u64, "{came} of {} bytes", plate.len());
    let part = image::open(&png).expect("a PNG").into_rgb8();
    assert_eq!(part.dimensions(), (320, 90));
    assert!(part.enumerate_pixels().all(|(x, y, pixel)| pixel.0 == colour(1_000 + x, 2_000 + y)), "other pixels");

    let outside = ["files", "get", "/mill/projects/plate.tif", "--region", "2900,0,200,200", "-"];
    assert!(quarry.refused(2, outside).contains("3000 × 3000 pixels"));
    let nonsense = ["files", "get", "/mill/projects/plate.tif", "--region", "1,2,3", "-"];
    assert!(quarry.refused(2, nonsense).contains("X,Y,WIDTH,HEIGHT"));
    fs::write(folder.join("notes.txt"), "no picture").expect("a file");
    let notes = ["files", "get", "/mill/projects/notes.txt", "--region", "0,0,1,1", "-"];
    assert!(quarry.refused(2, notes).contains("OpenEXR and TIFF"));
}
