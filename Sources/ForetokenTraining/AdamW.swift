public import ForetokenFormats
import ForetokenModel
import Foundation
public import Torch

/// AdamW (arXiv 1711.05101) with decay on matrices only; its state is named by parameter.
public final class AdamW {
    /// β₁ and β₂.
    public let betas: (Double, Double)
    /// ε.
    public let epsilon: Double
    /// The decoupled decay of matrices.
    public let decay: Double
    /// Steps taken.
    public private(set) var step = 0
    /// All parameters of the model, and the owner of each.
    private let all: [Parameter]
    private let owners: [Int]
    /// Those that this rank updates.
    private let parameters: [Parameter]
    /// Updates of each parameter: fewer than ``step`` for heads that were switched off for a while.
    private var ownSteps: [Int]
    private let first: [Tensor]
    private let second: [Tensor]

    /// An optimizer whose state is zero.
    ///
    /// - Throws: `TorchError.outOfMemory`.
    public convenience init(
        _ parameters: [Parameter], betas: (Double, Double), epsilon: Double, decay: Double
    ) throws {
        try self.init(
            parameters, betas: betas, epsilon: epsilon, decay: decay,
            owners: [Int](repeating: 0, count: parameters.count), rank: 0)
    }

    /// An optimizer that keeps the state of the parameters that this rank owns, and updates these.
    init(
        _ all: [Parameter], betas: (Double, Double), epsilon: Double, decay: Double, owners: [Int], rank: Int
    ) throws {
        self.betas = betas
        self.epsilon = epsilon
        self.decay = decay
        self.all = all
        self.owners = owners
        let parameters = zip(all, owners).filter { $1 == rank }.map(\.0)
        self.parameters = parameters
        ownSteps = [Int](repeating: 0, count: parameters.count)
        func zeros() throws -> [Tensor] {
            try parameters.map { try .zeros($0.tensor.shape, dtype: $0.tensor.dtype, device: $0.tensor.device) }
        }
        first = try zeros()
        second = try zeros()
    }

    /// Updates every parameter by its gradient; one without a gradient stays as it is, without decay.
    ///
    /// - Parameters:
    ///   - rate: the learning rate.
    ///   - headRate: the rate of heads 2…n; `rate` if nil.
    ///   - norm: the norm of all gradients, a scalar, if they are to be clipped. If it is not finite, no tensor is
    ///     changed.
    ///   - clip: the largest norm that gradients keep; 0 for no limit.
    public func update(rate: Double, headRate: Double? = nil, norm: Tensor? = nil, clip: Double = 0) {
        step += 1
        // One sweep over all parameters with the same rate and number of updates: usually one for all.
        struct Sweep: Hashable {
            let rate: Double
            let step: Int
        }
        var sweeps: [Sweep: [Int]] = [:]
        for (index, parameter) in parameters.enumerated() where parameter.tensor.gradient != nil {
            ownSteps[index] += 1
            let rate = parameter.group.isLaterHead ? headRate ?? rate : rate
            sweeps[Sweep(rate: rate, step: ownSteps[index]), default: []].append(index)
        }
        for (sweep, indices) in sweeps {
            adamWStep(
                parameters: indices.map { parameters[$0].tensor },
                gradients: indices.compactMap { parameters[$0].tensor.gradient }, first: indices.map { first[$0] },
                second: indices.map { second[$0] }, decays: indices.map { parameters[$0].decays ? decay : 0 },
                step: sweep.step, norm: norm, clip: clip, rate: sweep.rate, betas: betas, epsilon: epsilon)
        }
    }

    /// Frees all gradients.
    public func clearGradients() {
        for parameter in all { parameter.tensor.gradient = nil }
    }

    /// Forgets all steps.
    public func reset() {
        step = 0
        ownSteps = ownSteps.map { _ in 0 }
        for tensor in first + second { tensor.zero() }
    }

    /// The state that this rank keeps, as named tensors: `first.NAME` and `second.NAME`.
    public var state: [(name: String, tensor: Tensor)] {
        parameters.indices.flatMap { index in
            [("first.\(parameters[index].name)", first[index]), ("second.\(parameters[index].name)", second[index])]
        }
    }

    /// Steps of the parameters that took part in fewer than ``step``, by name.
    public var fewerSteps: [String: Int] { fewerSteps(of: stepsOfAll) }

    /// Steps that each of all parameters took part in; 0 for those of other ranks.
    var stepsOfAll: [Double] {
        let own = Dictionary(uniqueKeysWithValues: zip(parameters.map(\.name), ownSteps))
        return all.map { Double(own[$0.name] ?? 0) }
    }

    /// The same as ``fewerSteps``, of steps of all parameters, summed over the ranks.
    func fewerSteps(of steps: [Double]) -> [String: Int] {
        let fewer = zip(all, steps).filter { Int($1) != step }
        return Dictionary(uniqueKeysWithValues: fewer.map { ($0.name, Int($1)) })
    }

    /// One tensor of the whole state, whoever keeps it.
    struct Slot {
        let name: String
        let owner: Int
        let shape: [Int]
        let dtype: DType
        let device: Device
        /// Nil where another rank keeps it.
        let tensor: Tensor?
    }

    /// The whole state in the order of the parameters.
    var slots: [Slot] {
        let own = Dictionary(uniqueKeysWithValues: state)
        return zip(all, owners).flatMap { parameter, owner in
            ["first.\(parameter.name)", "second.\(parameter.name)"].map { name in
                Slot(
                    name: name, owner: owner, shape: parameter.tensor.shape, dtype: parameter.tensor.dtype,
                    device: parameter.tensor.device, tensor: own[name])
            }
        }
    }

    /// Takes over the state of a file, and ``fewerSteps``.
    ///
    /// - Throws: `ModelError` if a tensor is missing, unknown or misshapen; `SafetensorsError` for a broken file.
    public func restore(_ file: SafetensorsFile, step: Int, fewerSteps: [String: Int] = [:]) throws {
        let slots = slots
        let known = Set(slots.map(\.name))
        let path = file.url.relativePath
        if let unknown = file.names.first(where: { !known.contains($0) }) {
            throw ModelError.unknownTensor(file: path, tensor: unknown)
        }
        for slot in slots {
            guard let entry = file.tensors[slot.name] else {
                throw ModelError.missingTensor(file: path, tensor: slot.name)
            }
            guard entry.shape == slot.shape else {
                throw ModelError.wrongShape(file: path, tensor: slot.name, found: entry.shape, expected: slot.shape)
            }
            try slot.tensor?.assign(file.tensor(slot.name))
        }
        self.step = step
        ownSteps = parameters.map { fewerSteps[$0.name] ?? step }
    }
}
