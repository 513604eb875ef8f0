import Torch

/// Reports gradients that are final, to a ``GradientReducer`` for instance.
struct GradientReadiness {
    /// Called with each parameter; nil while more micro-batches follow.
    let report: ((Parameter) -> Void)?

    /// Reports nothing.
    static var silent: GradientReadiness { GradientReadiness(report: nil) }

    /// Reports those of the parameters that have a gradient.
    func callAsFunction(_ parameters: [Parameter]) {
        guard let report else { return }
        for parameter in parameters where parameter.tensor.gradient != nil { report(parameter) }
    }
}
