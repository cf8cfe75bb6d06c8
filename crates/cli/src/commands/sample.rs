use std::{fs, io, path::Path};

use gridwell_api::{ApiError, ErrorCode};
use gridwell_job::sample::{Assemble, Render, SampleCommand, assemble_files, parse_arguments, tile_name};

use super::End;

/// Largest tile or scene file that is read: a tile of the largest side, uncompressed, with room.
const FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// `gridwell sample …`: the built-in renderer, as jobs start it.
pub(super) fn run(words: &[String]) -> Result<End, ApiError> {
    let command = parse_arguments(words).map_err(|error| ApiError::new(ErrorCode::BadRequest, error.to_string()))?;
    match command {
        SampleCommand::Render(render) => run_render(&render),
        SampleCommand::Assemble(assemble) => run_assemble(&assemble),
    }
}

fn run_render(render: &Render) -> Result<End, ApiError> {
    let png = render.run(&scene(&render.scene)?).map_err(|error| failed(&render.scene, &error))?;
    match render.tile_index {
        Some((index, _)) => write(&Path::new(&render.output).join(tile_name(render.frame, index)), &png),
        None => write(Path::new(&render.output), &png),
    }
}

fn run_assemble(assemble: &Assemble) -> Result<End, ApiError> {
    let folder = Path::new(&assemble.tiles);
    let png = assemble_files(assemble, &scene(&assemble.scene)?, |name| read(&folder.join(name)))
        .map_err(|error| failed(&assemble.scene, &error))?;
    write(Path::new(&assemble.output), &png)
}

fn scene(path: &str) -> Result<String, ApiError> {
    let bytes = read(Path::new(path)).map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::NotFound => ErrorCode::MissingFile,
            _ => ErrorCode::Unreadable,
        };
        ApiError::new(code, format!("cannot read the scene '{path}': {error}"))
    })?;
    String::from_utf8(bytes).map_err(|_| ApiError::new(ErrorCode::NotUtf8, format!("the scene '{path}' is not UTF-8")))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any picture"));
    }
    fs::read(path)
}

/// Writes beside, then renames: nobody sees half a picture.
fn write(path: &Path, png: &[u8]) -> Result<End, ApiError> {
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&beside, png).and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        let _ = fs::remove_file(&beside);
        let code = match error.kind() {
            io::ErrorKind::StorageFull => ErrorCode::DiskFull,
            _ => ErrorCode::OutputNotWritable,
        };
        ApiError::new(code, format!("cannot write '{}': {error}", path.display()))
    })?;
    Ok(End::Done)
}

fn failed(scene: &str, error: &dyn std::error::Error) -> ApiError {
    ApiError::new(ErrorCode::BadValue, format!("cannot make a picture of '{scene}': {error}"))
}
