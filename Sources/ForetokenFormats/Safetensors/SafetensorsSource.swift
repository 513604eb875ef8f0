public import ForetokenPlatform

/// A tensor to be written: its description, and a way to get at its bytes when its turn comes.
///
/// The bytes are asked for once, piece by piece, and nothing is kept of a piece after its call: a model that fills the
/// memory, or lies on another device, is written through a buffer as small as the caller likes.
public struct SafetensorsSource {
    /// The tensor's name.
    public let name: String

    /// The type of its elements.
    public let dtype: SafetensorsDType

    /// Its dimensions, outermost first; empty for a scalar.
    public let shape: [Int]

    /// Calls its argument with the tensor's bytes, little-endian and row-major, in one or more pieces in order.
    public let forEachPiece: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// A tensor whose bytes a closure hands over in one or more pieces.
    ///
    /// ```swift
    /// SafetensorsSource(name: "norm.weight", dtype: .float32, shape: [width]) { write in
    ///     try weights.withUnsafeBytes(write)
    /// }
    /// ```
    public init(
        name: String, dtype: SafetensorsDType, shape: [Int],
        forEachPiece: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.forEachPiece = forEachPiece
    }

    /// A tensor whose bytes are already in memory, little-endian and row-major.
    public init(name: String, dtype: SafetensorsDType, shape: [Int], bytes: some ContiguousBytes) {
        self.init(name: name, dtype: dtype, shape: shape) { try bytes.withUnsafeBytes($0) }
    }

    /// A copy of another file's tensor, under a new name if one is given.
    ///
    /// - Throws: ``SafetensorsError/noSuchTensor(file:tensor:)``.
    public init(copying name: String, from file: SafetensorsFile, as newName: String? = nil) throws {
        let entry = try file.entry(name)
        self.init(name: newName ?? name, dtype: entry.dtype, shape: entry.shape) { write in
            try file.withBytes(of: name, write)
        }
    }
}
