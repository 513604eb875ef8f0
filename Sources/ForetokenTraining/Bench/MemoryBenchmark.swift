public import ForetokenModel
public import Torch

/// The peak bytes of a training step against n, for every objective: the paper's claim that memory need not grow with
/// the heads (section 2).
public struct MemoryBenchmark: Sendable, Equatable {
    /// n of each row.
    public let heads: [Int]
    /// The most bytes of tensors during a step, of each objective for each n; nil where memory ran out.
    public let peakTensorBytes: [ObjectiveName: [Int?]]

    /// Measures one step of each, after one that warms up; `configuration`'s own heads do not matter.
    ///
    /// - Parameters:
    ///   - configuration: the shape, all blocks counted.
    ///   - heads: the values of n.
    ///   - batchSize: sequences of a step.
    ///   - logitsBytes: see ``ObjectiveOptions/logitsBytes``.
    ///   - device: where the model lies.
    ///   - precision: the type of activations.
    ///   - onResult: called after each measurement.
    /// - Throws: `ModelError` for sizes that make no model; `TorchError.outOfMemory` on the CPU, where a step that does
    ///   not fit ends the process.
    public init(
        _ configuration: ModelConfiguration, heads: [Int], batchSize: Int, logitsBytes: Int? = nil,
        device: Device = .cpu, precision: Precision = .f32,
        onResult: (ObjectiveName, Int, Int?) -> Void = { _, _, _ in }
    ) throws {
        var peaks: [ObjectiveName: [Int?]] = [:]
        // The objective that needs the most memory comes last.
        for objective in [ObjectiveName.fused, .sequential, .joint] {
            var settings = TrainingBenchmark.Settings(batchSize: batchSize, objective: objective, steps: 1)
            settings.warmUpSteps = 1
            settings.measuresGemm = false
            settings.logitsBytes = logitsBytes
            settings.device = device
            settings.precision = precision
            for count in heads {
                var configuration = configuration
                configuration.heads = count
                let peak: Int?
                do {
                    peak = try TrainingBenchmark(configuration, settings).peakTensorBytes
                } catch TorchError.outOfMemory where device != .cpu {
                    peak = nil
                }
                peaks[objective, default: []].append(peak)
                onResult(objective, count, peak)
            }
        }
        self.heads = heads
        peakTensorBytes = peaks
    }
}
