import ForetokenModel
public import Torch

extension GradientCheck {
    /// Checks every objective and head kind, with and without a document mask, in each of some precisions.
    ///
    /// - Throws: `TorchError`.
    public static func all(in precisions: [Precision], on device: Device, capturesSteps: Bool = false) throws -> [Self]
    {
        var checks: [Self] = []
        for precision in precisions {
            for kind in HeadKind.allCases {
                for objective in ObjectiveName.allCases {
                    for mask in [false, true] {
                        checks.append(
                            try Self(
                                objective, kind, precision, documentMask: mask, on: device,
                                capturesSteps: capturesSteps))
                    }
                }
            }
        }
        return checks
    }
}
