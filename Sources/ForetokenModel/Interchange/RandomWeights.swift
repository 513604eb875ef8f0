import ForetokenFiles

/// A model with random weights, for benchmarks: uniform, with the variance of initial weights; norms are 1. It has no file.
public struct RandomWeights: WeightSource {
    /// The model's shape.
    public let configuration: ModelConfiguration
    private let parameters: [String: ParameterOutline]

    /// - Throws: ``ModelError/impossible(_:)``.
    public init(_ configuration: ModelConfiguration) throws(ModelError) {
        self.configuration = configuration
        parameters = Dictionary(
            try ModelOutline(configuration).parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// A name for error messages.
    public var file: String { "random weights" }

    /// The parameter's shape, with format float32.
    ///
    /// - Throws: ``ModelError/missingTensor(file:tensor:)`` for an unknown parameter.
    public func weight(_ parameter: String) throws -> StoredWeight {
        StoredWeight(shape: try outline(parameter).shape, format: .f32)
    }

    /// Calls `body` with weights that depend on the parameter's name alone.
    ///
    /// - Throws: ``ModelError/missingTensor(file:tensor:)`` for an unknown parameter, and errors of `body`.
    public func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let outline = try outline(parameter)
        guard outline.isMatrix else {
            return try [Float](repeating: outline.name.hasSuffix(".bias") ? 0 : 1, count: outline.count)
                .withUnsafeBytes(body)
        }
        let bound = (3 / Float(outline.shape[1])).squareRoot()
        var generator = SplitMix64(seed: outline.name.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
        let weights = (0..<outline.count).map { _ in
            bound * (Float(generator.next() >> 40) * 0x1p-23 - 1)
        }
        return try weights.withUnsafeBytes(body)
    }

    private func outline(_ parameter: String) throws(ModelError) -> ParameterOutline {
        guard let outline = parameters[parameter] else { throw .missingTensor(file: file, tensor: parameter) }
        return outline
    }
}
