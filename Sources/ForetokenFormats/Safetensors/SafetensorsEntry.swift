/// A tensor's entry in the header of a safetensors file.
public struct SafetensorsEntry: Sendable, Equatable {
    /// The tensor's name.
    public let name: String

    /// The type of its elements.
    public let dtype: SafetensorsDType

    /// Its dimensions, outermost first; empty for a scalar.
    public let shape: [Int]

    /// The range of its bytes, little-endian and row-major, relative to the start of the file's byte buffer (the header's
    /// `data_offsets`).
    public let byteRange: Range<Int>

    /// Its size in bytes.
    public var byteCount: Int { byteRange.count }
}
