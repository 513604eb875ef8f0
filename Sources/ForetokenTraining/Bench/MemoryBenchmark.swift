public import ForetokenModel

/// The peak bytes of a training step against n, for every objective: the paper's claim that memory need not grow with the
/// heads (section 2).
public struct MemoryBenchmark: Sendable, Equatable {
    /// n of each row.
    public let heads: [Int]
    /// The most bytes of tensors during a step, of each objective for each n.
    public let peakTensorBytes: [ObjectiveName: [Int]]

    /// Measures one step of each, after one that warms up; `configuration`'s own heads do not matter.
    ///
    /// - Throws: `ModelError` for sizes that make no model, `TorchError.outOfMemory`.
    public init(
        _ configuration: ModelConfiguration, heads: [Int], batchSize: Int,
        logitsBytes: Int? = nil
    ) throws {
        var peaks: [ObjectiveName: [Int]] = [:]
        for objective in ObjectiveName.allCases {
            var settings = TrainingBenchmark.Settings(batchSize: batchSize, objective: objective, steps: 1)
            settings.warmUpSteps = 1
            settings.measuresGemm = false
            settings.logitsBytes = logitsBytes
            peaks[objective] = try heads.map { count in
                var configuration = configuration
                configuration.heads = count
                return try TrainingBenchmark(configuration, settings).peakTensorBytes
            }
        }
        self.heads = heads
        peakTensorBytes = peaks
    }
}
