/// One tensor of a safetensors file as the header describes it.
public struct SafetensorsEntry: Sendable, Equatable {
    /// The tensor's name.
    public let name: String

    /// The type of its elements.
    public let dtype: SafetensorsDType

    /// Its dimensions, outermost first; empty for a scalar.
    public let shape: [Int]

    /// Its bytes, little-endian and row-major, counted from the start of the file's byte buffer (the header's
    /// `data_offsets`).
    public let byteRange: Range<Int>

    /// The number of bytes it takes.
    public var byteCount: Int { byteRange.count }
}
