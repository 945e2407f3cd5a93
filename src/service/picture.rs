//! Picture files behind the [`Decode`] door, and their errors in words for callers.

use crate::media::Pixels;
use crate::media::image::{ImageError, ImageLimits, decode, probe};
use crate::task::call::CallError;

use super::Decode;

/// Decodes the formats of [`crate::media::image`] under its limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct PictureFiles {
    /// Limits of one file.
    pub limits: ImageLimits,
}

impl Decode for PictureFiles {
    fn probe(&self, file: &[u8]) -> Result<(u32, u32), CallError> {
        let info = probe(file, &self.limits).map_err(|it| refused(&it))?;
        Ok((info.width, info.height))
    }

    fn decode(&self, file: &[u8]) -> Result<Pixels, CallError> {
        decode(file, &self.limits).map_err(|it| refused(&it))
    }
}

fn refused(error: &ImageError) -> CallError {
    let message = match error {
        ImageError::Empty => "影像檔是空的。".to_owned(),
        ImageError::Unsupported { format } => {
            format!("不支援 {format} 檔,請改傳 JPEG、PNG、WebP、TIFF 或 BMP。")
        }
        ImageError::Unknown => "無法辨認影像格式,請改傳 JPEG、PNG、WebP、TIFF 或 BMP。".to_owned(),
        ImageError::TooLarge { what, value, limit } => {
            let what = match *what {
                "bytes" => "檔案大小",
                "width" => "寬度",
                "height" => "高度",
                "pixels" => "像素數",
                _ => "解碼所需記憶體",
            };
            format!("影像過大:{what} {value} 超過上限 {limit}。")
        }
        ImageError::Several { format } => {
            format!("{format} 檔內含多張影像,請分別傳送。")
        }
        ImageError::Broken { format, .. } => format!("{format} 檔已損壞或不完整,請重新取得影像。"),
    };
    CallError::new(error.code(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorCode;

    fn check(file: &[u8], code: ErrorCode, word: &str) {
        let error = PictureFiles::default().probe(file).unwrap_err();
        assert_eq!(error.code, code);
        assert!(error.message.contains(word), "{}", error.message);
    }

    #[test]
    fn refusals_say_what_to_do() {
        check(b"", ErrorCode::BadValue, "空");
        check(b"GIF89a", ErrorCode::UnsupportedMedia, "GIF");
        check(b"hello", ErrorCode::UnsupportedMedia, "JPEG");
        check(b"\x89PNG\r\n\x1a\n", ErrorCode::ContentRefused, "PNG");
    }
}
