package import CKernels

/// A model's weights, the memory of its caches, and its passes. The engine above knows no more of a device than this.
///
/// Hidden states and logits are float32 in the host's memory, row-major. A backend is made of a `WeightSource` and does not
/// change after that, so engines on several threads can share one.
package protocol DecodeBackend: AnyObject, Sendable {
    /// How the matrices are held.
    var format: WeightFormat { get }
    /// Whether a position's logits are bitwise the same in passes of any width, so that speculative text is next-token text to
    /// the bit.
    var isExact: Bool { get }

    /// Bytes of weights that a pass reads of a block.
    func byteCount(of block: BlockID) -> Int
    /// Bytes of weights that a pass reads of a matrix.
    func byteCount(of matrix: MatrixID) -> Int

    /// Copies the embeddings of tokens to rows [tokens, D].
    func embed(_ tokens: [Int32], into rows: UnsafeMutablePointer<Float>)
    /// The scale [D] of a norm, in the host's memory.
    func scale(of norm: NormID) -> UnsafePointer<Float>

    /// Memory for the pages of one engine's caches.
    func makePageMemory() -> any PageMemory

    /// Runs operations one after another.
    ///
    /// - Parameter memory: made by this backend.
    /// - Throws: ``DecodingError/outOfMemory(_:)``; nothing was run then.
    func run(_ operations: [PassOperation], on memory: any PageMemory) throws
}

/// A block of a model.
package enum BlockID: Sendable, Hashable {
    /// Of the trunk, the lowest first.
    case trunk(Int)
    /// Head i's.
    case head(Int)
}

/// A matrix of a model outside of its blocks.
package enum MatrixID: Sendable, Hashable {
    /// [D, D], of a head that is a linear map.
    case linear(Int)
    /// [D, 2D], of a head that joins a token's embedding to its input.
    case projection(Int)
    /// [V, D], of head i; heads can share one.
    case unembedding(Int)
}

/// A norm of a model outside of its blocks.
package enum NormID: Sendable, Hashable {
    /// Before every unembedding.
    case final
    /// Of head i's input, where it joins a token's embedding.
    case joinHidden(Int)
    /// Of that embedding.
    case joinEmbedding(Int)
}

/// The attention metadata of a row: the position of its token, the slots that its key and value go to and that it attends to, in
/// the order of their positions.
package typealias AttentionMetadata = ck_row

/// One operation of a pass.
package struct PassOperation {
    package enum Kind {
        /// A block over all rows of x [rows, D], which enter the cache's `layer` where the row table says; the last `outputs` come
        /// out in y [outputs, D].
        case block(BlockID, layer: Int, rowTable: UnsafePointer<AttentionMetadata>?, outputs: Int)
        /// y [rows, out] = x [rows, in] · matrixᵀ, of rmsnorm(x) · `norm` if there is one.
        case gemm(MatrixID, norm: NormID?)
    }

    package let kind: Kind
    package let rows: Int
    package let x: UnsafePointer<Float>
    /// May be x's last rows.
    package let y: UnsafeMutablePointer<Float>
}

/// The number of a page: keys and values of ``CachePool/slotsPerPage`` slots of one layer.
package typealias PageNumber = Int32

/// Where the pages of a ``CachePool`` lie.
package protocol PageMemory: AnyObject {
    var bytesPerPage: Int { get }

    /// More pages, of zeros, numbered on from those that are there.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func grow(byAtLeast count: Int) throws -> Range<PageNumber>

    /// Makes pages of earlier owners fit for use.
    func prepare(_ pages: [PageNumber]) throws

    func copy(_ page: PageNumber, to copy: PageNumber) throws
}
