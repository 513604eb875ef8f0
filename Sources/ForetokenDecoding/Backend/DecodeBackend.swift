package import CKernels

/// A device that decodes: it owns a model's weights and cache memory, and runs forward passes. The engine uses nothing else of
/// a device.
///
/// Hidden states and logits are float32 in host memory, row-major. A backend is built from a `WeightSource` and immutable
/// afterwards, so engines on several threads can share one.
package protocol DecodeBackend: AnyObject, Sendable {
    /// Storage format of the matrices.
    var format: WeightFormat { get }
    /// Whether a position's logits are bitwise the same in passes of any width, so that speculative decoding gives exactly the
    /// output of next-token decoding.
    var isExact: Bool { get }

    /// Weight bytes of a block that a pass reads.
    func byteCount(of block: BlockID) -> Int
    /// Weight bytes of a matrix that a pass reads.
    func byteCount(of matrix: MatrixID) -> Int

    /// Writes the embeddings of tokens to rows [tokens, D].
    func embed(_ tokens: [Int32], into rows: UnsafeMutablePointer<Float>)
    /// The scale [D] of a norm, in host memory.
    func scale(of norm: NormID) -> UnsafePointer<Float>

    /// Creates the page memory of one engine's caches.
    func makePageMemory() -> any PageMemory

    /// Runs operations in order.
    ///
    /// - Parameter memory: from ``makePageMemory()`` of this backend.
    /// - Throws: ``DecodingError/outOfMemory(_:)``, before any operation has run.
    func run(_ operations: [PassOperation], on memory: any PageMemory) throws
}

/// Identifies a transformer block.
package enum BlockID: Sendable, Hashable {
    /// A trunk layer, counted from the input.
    case trunk(Int)
    /// The block of head i.
    case head(Int)
}

/// Identifies a matrix outside the blocks.
package enum MatrixID: Sendable, Hashable {
    /// [D, D]: a linear head.
    case linear(Int)
    /// [D, 2D]: the projection of a head that joins a token's embedding to its input.
    case projection(Int)
    /// [V, D]: the unembedding of head i; heads can share one.
    case unembedding(Int)
}

/// Identifies a norm outside the blocks.
package enum NormID: Sendable, Hashable {
    /// The norm before head i's unembedding; heads can share one.
    case final(Int)
    /// The norm of head i's hidden input, where it joins a token's embedding.
    case joinHidden(Int)
    /// The norm of the joined embedding.
    case joinEmbedding(Int)
}

/// Attention metadata of a row: the position of its token, the slot its key and value are written to, and the slots it attends
/// to, in position order.
package typealias AttentionMetadata = ck_row

/// One operation of a pass.
package struct PassOperation {
    package enum Kind {
        /// A block over all rows of x [rows, D]. Their keys and values are written to the cache's `layer` as given by the row
        /// table; the outputs of the last `outputs` rows are written to y [outputs, D].
        case block(BlockID, layer: Int, rowTable: UnsafePointer<AttentionMetadata>?, outputs: Int)
        /// y [rows, out] = x [rows, in] · matrixᵀ; with a norm, rmsnorm(x) · `norm` takes the place of x.
        case gemm(MatrixID, norm: NormID?)
    }

    package let kind: Kind
    package let rows: Int
    package let x: UnsafePointer<Float>
    /// May alias the last rows of x.
    package let y: UnsafeMutablePointer<Float>
}

/// Identifies a page: the keys and values of ``BlockAllocator/slotsPerPage`` slots of one layer.
package typealias PageNumber = Int32

/// The memory of a ``BlockAllocator``'s pages.
package protocol PageMemory: AnyObject {
    var bytesPerPage: Int { get }

    /// Adds zeroed pages, numbered consecutively after the existing ones.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func grow(byAtLeast count: Int) throws -> Range<PageNumber>

    /// Prepares pages for reuse by a new owner.
    func prepare(_ pages: [PageNumber]) throws

    func copy(_ page: PageNumber, to copy: PageNumber) throws
}
