//! Reading and writing Kafka's fixed-width wire types: big-endian integers, length-prefixed strings and arrays.

use std::borrow::Cow;
use std::sync::Arc;

/// Why bytes could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WireError {
    /// An integer is cut off (`BufferUnderflowException`).
    Underflow,
    /// A length says null where null is not allowed.
    Null,
    /// A length says more than there is.
    TooLong,
}

/// Room for so many elements of an array is made before they are read.
const ARRAY_RESERVED: usize = 64;

/// Reads from the front of a byte slice.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    fn integer<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Underflow)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn int16(&mut self) -> Result<i16, WireError> {
        self.integer().map(i16::from_be_bytes)
    }

    pub(crate) fn int32(&mut self) -> Result<i32, WireError> {
        self.integer().map(i32::from_be_bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(WireError::TooLong)?;
        self.rest = rest;
        Ok(head)
    }

    /// A string with a 16-bit length; `None` for null. Bytes that are no UTF-8 are replaced, as Java does.
    pub(crate) fn nullable_string(&mut self) -> Result<Option<Cow<'a, str>>, WireError> {
        let Ok(length) = usize::try_from(self.int16()?) else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(self.take(length)?)))
    }

    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, WireError> {
        self.nullable_string()?.ok_or(WireError::Null)
    }

    /// Bytes with a 32-bit length; `None` for null.
    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<Arc<[u8]>>, WireError> {
        let Ok(length) = usize::try_from(self.int32()?) else { return Ok(None) };
        Ok(Some(Arc::from(self.take(length)?)))
    }

    /// An array with a 32-bit count. A count above the number of bytes left is refused before anything is read.
    pub(crate) fn array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let count = usize::try_from(self.int32()?).map_err(|_| WireError::Null)?;
        if count > self.rest.len() {
            return Err(WireError::TooLong);
        }
        // A count that is too high for its elements is found out while they are read: no room is made for it.
        let mut elements = Vec::with_capacity(count.min(ARRAY_RESERVED));
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(elements)
    }
}

/// Appends to a byte vector.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A writer with room for that many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Writer { bytes: Vec::with_capacity(bytes) }
    }

    pub(crate) fn int16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn int32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// A string with a 16-bit length.
    ///
    /// # Panics
    /// If it has more than 32,767 bytes, as Kafka refuses.
    pub(crate) fn string(&mut self, text: &str) {
        let length = i16::try_from(text.len()).expect("Kafka's strings have at most 32,767 bytes");
        self.int16(length);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn nullable_string(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None => self.int16(-1),
        }
    }

    pub(crate) fn nullable_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.count(bytes.len());
                self.bytes.extend_from_slice(bytes);
            }
            None => self.int32(-1),
        }
    }

    /// The 32-bit count before the elements of an array.
    pub(crate) fn count(&mut self, count: usize) {
        self.int32(i32::try_from(count).expect("Kafka's arrays have at most 2^31 - 1 elements"));
    }

    pub(crate) fn into_bytes(self) -> Arc<[u8]> {
        Arc::from(self.bytes)
    }
}
