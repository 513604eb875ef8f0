public import ForetokenModel
public import ForetokenText
import Foundation
import Torch

/// Everything that decides a training run; the same recipe, data, build, threads and machine give the same run.
///
/// `RecipeKey.all` documents and reads every value; a value that is added here needs a key there.
public struct Recipe: Sendable, Equatable {
    /// Seed of the initial weights and of the order of the data.
    public var seed: UInt64 = 0
    /// Data to train and validate on.
    public var data = Data()
    /// The checkpoint that the run begins with.
    public var start = Start()
    /// Shape of the model.
    public var model = Model()
    /// Objective, optimizer and schedules.
    public var training = Training()
    /// Memory against recomputation.
    public var memory = Memory()
    /// The keys that the recipe's file names, the others being defaults.
    public var provenance = Provenance()

    /// Data to train and validate on.
    public struct Data: Sendable, Equatable {
        /// The shard to train on; empty where there are ``sources``.
        public var train = ""
        /// Several shards to train on, mixed by weight.
        public var sources: [Source] = []
        /// The shard to validate on, if any.
        public var validation: String?
        /// Whether the prompts of JSONL examples carry no loss.
        public var maskPrompts = true
        /// No shards yet.
        public init() {}

        /// A shard and its weight in the mixture.
        public struct Source: Sendable, Equatable {
            /// The shard.
            public var path: String
            /// Its share of the sequences, relative to those of the other sources.
            public var weight: Double

            /// A shard to mix with others.
            public init(path: String, weight: Double = 1) {
                self.path = path
                self.weight = weight
            }
        }

        /// The shards to train on: ``sources``, or ``train`` alone.
        public var mixture: [Source] { sources.isEmpty ? [Source(path: train)] : sources }
    }

    /// Shape of the model; see `ModelConfiguration`.
    public struct Model: Sendable, Equatable {
        /// Model width D.
        public var width = 256
        /// All transformer blocks, trunk plus block heads.
        public var layers = 8
        /// Blocks of the trunk alone, in place of ``layers``; heads are added to them.
        public var trunkLayers: Int?
        /// Query heads of attention, H.
        public var attentionHeads = 4
        /// Key and value heads of attention; ``attentionHeads`` if nil.
        public var keyValueHeads: Int?
        /// Dimensions of one attention head; D / H if nil.
        public var headDimension: Int?
        /// Inner width of SwiGLU; 8D/3 rounded up to ``multipleOf`` if nil.
        public var feedForwardWidth: Int?
        /// Rounding of the default ``feedForwardWidth``.
        public var multipleOf = 256
        /// Prediction heads n, the next-token head included.
        public var heads = 4
        /// Architecture of the prediction heads.
        public var headKind = HeadKind.parallel
        /// Whether the heads share one unembedding.
        public var unembedding = UnembeddingKind.shared
        /// Tokens T of a training sequence, and of the longest text the model reads.
        public var contextLength = 256
        /// θ of the rotary embedding.
        public var ropeBase = 10_000.0
        /// ε of RMSNorm.
        public var normEpsilon = 1e-5
        /// Whether embedding and unembedding are one matrix.
        public var tieEmbeddings = false
        /// Whether attention stays inside documents.
        public var documentMask = false
        /// The defaults.
        public init() {}
    }

    /// Objective, optimizer and schedules.
    public struct Training: Sendable, Equatable {
        /// How the gradient is computed.
        public var objective = ObjectiveName.fused
        /// Optimizer steps; nil until a run bounded by time has measured its own speed.
        public var steps: Int?
        /// Bounds the run by time instead.
        public var minutes: Double?
        /// Sequences in a micro-batch.
        public var batchSize = 8
        /// T: the tokens of a sequence; the model's context length if nil.
        public var sequenceLength: Int?
        /// Micro-batches in a step.
        public var accumulation = 1
        /// The peak learning rate.
        public var learningRate = 3e-4
        /// The peak learning rate of heads 2…n; ``learningRate`` if nil.
        public var headLearningRate: Double?
        /// Learning rate after the warm-up.
        public var schedule = LearningRateShape.cosine
        /// Fraction of the steps in which `wsd` decays.
        public var decayFraction = 0.1
        /// Final learning rate as a fraction of the peak.
        public var finalLearningRateRatio = 0.03
        /// Steps of linear warm-up; ``warmUpFraction`` of all if nil.
        public var warmUpSteps: Int?
        /// Fraction of the steps that warm up.
        public var warmUpFraction = 0.02
        /// β₁ and β₂ of Adam.
        public var betas = [0.9, 0.95]
        /// ε of Adam.
        public var epsilon = 1e-8
        /// Decoupled weight decay of matrices.
        public var weightDecay = 0.1
        /// Largest norm of the gradient; 0 for no clipping.
        public var clip = 1.0
        /// Weight w_i of each head's loss.
        public var headWeights = HeadWeights.uniform
        /// Heads that are switched on or off during the run.
        public var curriculum = HeadCurriculum.none
        /// Steps of the curriculum's stages together; all steps if nil.
        public var curriculumSteps: Int?
        /// Whether heads 2…n read a detached z, so that trunk, head 1 and embedding learn from head 1's loss alone.
        public var detachTrunk = false
        /// Whether only heads 2…n learn: embedding, trunk, head 1, norm and its unembedding stay as they are, and so does
        /// next-token decoding.
        public var freezeTrunk = false
        /// Heads 2…n learn from head 1's k most probable tokens instead of the data's token; 0 for the data's token.
        public var selfDistillationTopK = 0
        /// Steps between validations; 0 for none but the last.
        public var validationEvery = 500
        /// Batches of a validation.
        public var validationBatches = 20
        /// Steps between checkpoints; 0 for none but the last.
        public var checkpointEvery = 500
        /// Newest checkpoints that are kept.
        public var keepCheckpoints = 2
        /// Every k-th of the older checkpoints is kept as well; 0 for none.
        public var keepEvery = 0
        /// Checkpoints of steps that are multiples of this are kept; nil for none.
        var keptInterval: Int? { keepEvery > 0 && checkpointEvery > 0 ? keepEvery * checkpointEvery : nil }
        /// Steps between records in metrics.jsonl.
        public var logEvery = 10
        /// Precision of activations and matrix multiplications.
        public var precision = Precision.f32
        /// `cpu` or `cuda`.
        public var device = "cpu"
        /// CPU threads of each process; all cores if nil.
        public var threads: Int?
        /// The defaults.
        public init() {}
    }

    /// Memory against recomputation.
    public struct Memory: Sendable, Equatable {
        /// Trunk activations that are recomputed in the backward pass instead of kept.
        public var recompute = Recomputation.none
        /// The most logits in memory at once with the `fused` objective, in MiB; ``Recipe/logitsMiB`` if nil.
        public var logitsMiB: Int?
        /// The defaults.
        public init() {}
    }

    /// The defaults.
    public init() {}

    /// The most logits in memory at once with the `fused` objective, in MiB: the recipe's, else 64 on the CPU and 512 on a GPU.
    public var logitsMiB: Int {
        memory.logitsMiB ?? FusedObjective.logitsBytes(on: training.device.hasPrefix("cuda") ? .cuda(0) : .cpu) >> 20
    }

    /// The objective that the recipe asks for.
    func makeObjective() -> any Objective {
        training.objective.objective(
            ObjectiveOptions(
                logitsBytes: logitsMiB << 20, recompute: memory.recompute,
                detachTrunk: training.detachTrunk || training.freezeTrunk,
                selfDistillationTopK: training.selfDistillationTopK))
    }

    /// The tokenizer beside the first training shard; bytes where there is none.
    ///
    /// - Throws: `TokenizerError`, `JSONError`.
    public func dataTokenizer() throws -> any Tokenizer {
        try TokenizerFile.read(folder: URL(fileURLWithPath: data.mixture[0].path).deletingLastPathComponent())
    }

    /// All blocks of the model.
    public var totalLayers: Int {
        guard let trunk = model.trunkLayers else { return model.layers }
        return trunk + (model.headKind.areBlocks ? model.heads : 0)
    }

    /// The model's configuration for a tokenizer.
    public func configuration(for tokenizer: any Tokenizer) -> ModelConfiguration {
        ModelConfiguration(
            vocabulary: tokenizer.vocabularySize, width: model.width, layers: totalLayers,
            attentionHeads: model.attentionHeads, keyValueHeads: model.keyValueHeads,
            headDimension: model.headDimension, feedForwardWidth: model.feedForwardWidth,
            multipleOf: model.multipleOf, heads: model.heads, headKind: model.headKind,
            unembedding: model.unembedding, contextLength: model.contextLength,
            ropeBase: model.ropeBase, normEpsilon: model.normEpsilon, tieEmbeddings: model.tieEmbeddings,
            documentMask: model.documentMask, tokenizerName: tokenizer.name, tokenizerDigest: tokenizer.digest,
            beginningOfText: tokenizer.beginningOfText, endOfText: tokenizer.endOfText)
    }

    /// The learning rates of a run of `steps` steps.
    public func learningRates(of steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(
            shape: training.schedule, peak: training.learningRate, warmUp: warmUp(of: steps), steps: steps,
            finalRatio: training.finalLearningRateRatio, decayFraction: training.decayFraction)
    }

    /// Steps of warm-up when the run has `steps`.
    public func warmUp(of steps: Int) -> Int {
        min(training.warmUpSteps ?? Int((Double(steps) * training.warmUpFraction).rounded(.up)), max(0, steps - 1))
    }
}
