package import ForetokenModel

/// Weights that every backend keeps in host memory, float32: embeddings and the norms outside the blocks.
package final class HostWeights: @unchecked Sendable {
    private let width: Int
    /// [V, D].
    private let embedding: UnsafePointer<Float>
    private let norms: [NormID: UnsafePointer<Float>]
    private let memory = MemoryArena()

    /// - Throws: errors of the source, ``DecodingError/outOfMemory(_:)``.
    package init(_ source: any WeightSource, _ outline: ModelOutline) throws {
        let memory = memory
        func copy(_ parameter: ParameterOutline) throws -> UnsafePointer<Float> {
            try source.withFloats(of: parameter.name) { try memory.copy($0) }
        }
        width = source.configuration.width
        embedding = try copy(outline.embedding)
        let shared = try copy(outline.norm)
        var norms: [NormID: UnsafePointer<Float>] = [:]
        for head in outline.heads {
            let number = head.node.head
            norms[.final(number)] = head.ownsNorm ? try copy(head.norm) : shared
            guard let join = head.join else { continue }
            norms[.joinHidden(number)] = try copy(join.hiddenNorm)
            norms[.joinEmbedding(number)] = try copy(join.embeddingNorm)
        }
        self.norms = norms
    }

    /// See ``DecodeBackend/embed(_:into:)``.
    package func embed(_ tokens: [Int32], into rows: UnsafeMutablePointer<Float>) {
        for (row, token) in tokens.enumerated() {
            (rows + row * width).update(from: embedding + Int(token) * width, count: width)
        }
    }

    /// See ``DecodeBackend/scale(of:)``.
    package func scale(of norm: NormID) -> UnsafePointer<Float> {
        guard let scale = norms[norm] else { preconditionFailure("the model has no norm \(norm)") }
        return scale
    }
}
