import ForetokenFormats
public import ForetokenModel
import ForetokenText
public import Torch

/// How fast training steps of a shape run, and in how many bytes: random tokens, clipping and AdamW included.
public struct TrainingBenchmark: Sendable, Equatable {
    /// Tokens a second, from the median step.
    public let tokensPerSecond: Double
    /// 10⁹ FLOPs a second, by `ModelConfiguration.trainingFlopsPerToken(sequenceLength:)`.
    public let gflops: Double
    /// ``gflops`` over the GPU's stated bfloat16 peak: model FLOPs utilisation (arXiv 2204.02311); nil where that is
    /// not known.
    public let utilisation: Double?
    /// The step's GEMMs alone, measured between the steps; nil if they were not.
    public let gemm: Gemm?
    /// The most bytes of tensors during a step.
    public let peakTensorBytes: Int
    /// Those of them that are neither weights nor gradients nor optimizer state.
    public let transientBytes: Int
    /// The last step's mean cross-entropy of each head.
    public let losses: [Double]

    /// A step's GEMMs, each run alone: the step's time if everything else were free.
    public struct Gemm: Sendable, Equatable {
        /// 10⁹ FLOPs a second.
        public let gflops: Double
        /// Their part of the median step's time. Attention's own matrix multiplications count on neither side.
        public let share: Double
    }

    /// The step to measure.
    public struct Settings: Sendable {
        /// B; T is the configuration's context.
        public var batchSize: Int
        /// How the gradient is computed.
        public var objective: ObjectiveName
        /// See ``ObjectiveOptions/logitsBytes``.
        public var logitsBytes: Int?
        /// Which activations of the trunk are kept.
        public var recompute = Recomputation.none
        /// Where the model lies.
        public var device = Device.cpu
        /// The type of activations.
        public var precision = Precision.f32
        /// Whether forward and backward passes are captured and launched as one CUDA graph.
        public var capturesSteps = false
        /// Steps that are timed, after `warmUpSteps` that are not.
        public var steps: Int
        /// Untimed steps before: buffers are allocated, pages are touched.
        public var warmUpSteps = 2
        /// Whether to time the GEMMs alone, too; on the CPU in float32 only.
        public var measuresGemm = true

        /// Settings with these sizes.
        public init(batchSize: Int, objective: ObjectiveName, steps: Int) {
            self.batchSize = batchSize
            self.objective = objective
            self.steps = steps
        }
    }

    /// Trains a model of random weights on random tokens.
    ///
    /// - Throws: `ModelError` for sizes that make no model, `TorchError.outOfMemory`.
    public init(_ configuration: ModelConfiguration, _ settings: Settings) throws {
        let device = settings.device
        try settings.precision.require(on: device)
        let measuresGemm = settings.measuresGemm && device == .cpu && settings.precision == .f32
        let model = try MultiTokenModel(configuration, seed: nil, device: device)
        model.fillForBenchmark()
        model.computeType = settings.precision.computeType
        var step = TrainingStep(
            model: model, optimizer: try AdamW(model.parameters, betas: (0.9, 0.95), epsilon: 1e-8, decay: 0.1),
            objective: settings.objective.objective(
                ObjectiveOptions(logitsBytes: settings.logitsBytes, recompute: settings.recompute)))
        if settings.capturesSteps {
            try device.leaveDefaultStream()
            step.captured = CapturedObjective(model, step.objective)
        }
        let rows = settings.batchSize * configuration.contextLength
        let lossRows =
            settings.objective == .fused
            ? Tensor.fusedCrossEntropyChunk(
                rows: rows, vocabulary: configuration.vocabulary,
                logitsBytes: settings.logitsBytes ?? FusedObjective.logitsBytes(on: device))
            : rows
        var meter = GemmMeter(model, rows: rows, lossRows: lossRows)
        var random = SystemRandomNumberGenerator()
        let clock = ContinuousClock()
        var times: [Double] = []
        var (peak, losses) = (0, [Double]())
        for index in 0..<(settings.warmUpSteps + settings.steps) {
            let batch = Self.randomBatch(configuration, batchSize: settings.batchSize, &random)
            Memory.resetPeak(on: device)
            let begin = clock.now
            let gradient = try step.gradient(of: [batch])
            try step.update(by: gradient, rate: 1e-4)
            // As a training run does after every step; on a GPU it waits until the step is over.
            let numbers = gradient.read()
            let seconds = (clock.now - begin).seconds
            let isTimed = index >= settings.warmUpSteps
            // A captured step allocates when it is captured, in the second round, and not when it is launched again.
            if isTimed || settings.capturesSteps && index >= 1 { peak = max(peak, Memory.read(on: device).peak) }
            if isTimed {
                times.append(seconds)
                losses = numbers.losses
            }
            if measuresGemm { try meter.measure(keeping: isTimed) }
        }
        let weights = model.parameters.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.byteCount }
        let seconds = median(times)
        tokensPerSecond = Double(rows) / seconds
        gflops =
            configuration.trainingFlopsPerToken(sequenceLength: configuration.contextLength) * tokensPerSecond * 1e-9
        let rate = gflops
        utilisation = settings.precision == .bf16 ? device.bfloat16Peak.map { rate * 1e9 / $0 } : nil
        gemm =
            measuresGemm
            ? Gemm(gflops: meter.flops / meter.seconds * 1e-9, share: meter.seconds / seconds) : nil
        peakTensorBytes = peak
        // Weights, their gradients and AdamW's two means.
        transientBytes = peak - 4 * weights
        self.losses = losses
    }

    private static func randomBatch(
        _ configuration: ModelConfiguration, batchSize: Int, _ random: inout some RandomNumberGenerator
    ) -> TokenBatch {
        let count = batchSize * (configuration.contextLength + configuration.heads)
        return TokenBatch(
            batchSize: batchSize, sequenceLength: configuration.contextLength, heads: configuration.heads,
            tokens: (0..<count).map { _ in Int32.random(in: 0..<Int32(configuration.vocabulary), using: &random) },
            documents: [Int32](repeating: 0, count: count))
    }
}
