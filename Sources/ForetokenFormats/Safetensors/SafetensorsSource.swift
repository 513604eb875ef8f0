public import ForetokenPlatform

/// A tensor to be written: its description and a closure that provides its bytes.
///
/// The bytes are requested once, piece by piece, and no piece is retained, so a model that fills the memory or lies on another
/// device can be written through a small buffer.
public struct SafetensorsSource {
    /// The tensor's name.
    public let name: String

    /// The type of its elements.
    public let dtype: SafetensorsDType

    /// Its dimensions, outermost first; empty for a scalar.
    public let shape: [Int]

    /// Calls its argument with the tensor's bytes, little-endian and row-major, in one or more pieces in order.
    public let forEachPiece: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// Creates a tensor whose bytes a closure provides in one or more pieces.
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

    /// Creates a tensor from bytes in memory, little-endian and row-major.
    public init(name: String, dtype: SafetensorsDType, shape: [Int], bytes: some ContiguousBytes) {
        self.init(name: name, dtype: dtype, shape: shape) { try bytes.withUnsafeBytes($0) }
    }

    /// Creates a copy of another file's tensor, optionally under a new name.
    ///
    /// - Throws: ``SafetensorsError/noSuchTensor(file:tensor:)``.
    public init(copying name: String, from file: SafetensorsFile, as newName: String? = nil) throws {
        let entry = try file.entry(name)
        self.init(name: newName ?? name, dtype: entry.dtype, shape: entry.shape) { write in
            try file.withBytes(of: name, write)
        }
    }
}
