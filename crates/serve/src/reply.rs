use axum::{
    Json, RequestExt as _,
    body::{Bytes, HttpBody as _},
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use gridwell_api::{ApiError, ErrorCode};
use serde::de::DeserializeOwned;

/// Largest request body: some ten thousand paths.
pub(crate) const BODY_BYTES: usize = 4 * 1024 * 1024;

/// An error on its way out: its JSON with the status of its code.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) ApiError);

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}

/// A JSON body; an empty one reads as `{}`.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        // Said at once, before anything that large is waited for.
        if request.body().size_hint().lower() > BODY_BYTES as u64 {
            return Err(Refusal(ApiError::new(ErrorCode::TooLarge, format!("a request may have {BODY_BYTES} bytes"))));
        }
        let bytes = request.extract::<Bytes, _>().await.map_err(|rejection| unread(&rejection))?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Refusal(ApiError::new(ErrorCode::BadRequest, format!("cannot read the request: {error}"))))
    }
}

fn unread(rejection: &BytesRejection) -> Refusal {
    let code = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        _ => ErrorCode::BadRequest,
    };
    Refusal(ApiError::new(code, format!("cannot read the request: {}", rejection.body_text())))
}

/// The query of an address.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Refusal(ApiError::new(ErrorCode::BadRequest, rejection.body_text()))),
        }
    }
}
