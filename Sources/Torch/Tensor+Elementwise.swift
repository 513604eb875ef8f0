internal import CTorch

// Elementwise operators broadcast as PyTorch's do. Operator functions cannot take a call site: a trap in one reports a line of
// this file; the caller is in the backtrace.

extension Tensor {
    func binary(
        _ other: Tensor, _ file: StaticString, _ line: UInt, _ body: (ct_tensor, ct_tensor) -> ct_tensor?
    ) -> Tensor {
        checked(call { a in other.call { b in body(a, b) } }, file, line)
    }

    /// Elementwise sum.
    public static func + (a: Tensor, b: Tensor) -> Tensor { a.binary(b, #fileID, #line) { ct_add($0, $1, 1) } }
    /// Elementwise difference.
    public static func - (a: Tensor, b: Tensor) -> Tensor { a.binary(b, #fileID, #line) { ct_add($0, $1, -1) } }
    /// Elementwise product.
    public static func * (a: Tensor, b: Tensor) -> Tensor { a.binary(b, #fileID, #line, ct_mul) }
    /// Elementwise quotient.
    public static func / (a: Tensor, b: Tensor) -> Tensor { a.binary(b, #fileID, #line, ct_div) }
    /// Adds a number to every element.
    public static func + (a: Tensor, b: Double) -> Tensor { checked(a.call { ct_add_scalar($0, b) }, #fileID, #line) }
    /// Multiplies every element by a number.
    public static func * (a: Tensor, b: Double) -> Tensor { checked(a.call { ct_mul_scalar($0, b) }, #fileID, #line) }
    /// Multiplies every element by a number.
    public static func * (a: Double, b: Tensor) -> Tensor { b * a }

    /// Every element to a power.
    public func power(_ exponent: Double, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_pow_scalar($0, exponent) }, file, line)
    }

    /// Elementwise equality: a bool tensor.
    public func equals(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, ct_eq)
    }

    /// Elementwise ≥: a bool tensor.
    public func isAtLeast(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, ct_ge)
    }

    /// Elementwise logical and: a bool tensor.
    public func and(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, ct_logical_and)
    }

    /// The elements of `a` where this bool tensor is true, else of `b`.
    public func choosing(_ a: Tensor, else b: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { c in a.call { x in b.call { y in ct_where(c, x, y) } } }, file, line)
    }

    /// e to every element.
    public func exp(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_exp($0) }, file, line)
    }

    /// The natural logarithm of every element.
    public func log(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_log($0) }, file, line)
    }

    /// The cosine of every element.
    public func cos(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_cos($0) }, file, line)
    }

    /// The sine of every element.
    public func sin(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_sin($0) }, file, line)
    }

    /// 1/√ of every element.
    public func reciprocalSquareRoot(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_rsqrt($0) }, file, line)
    }

    /// x · sigmoid(x) of every element.
    public func silu(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_silu($0) }, file, line)
    }

    /// Whether each element is neither infinite nor NaN: a bool tensor.
    public func isFinite(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_is_finite($0) }, file, line)
    }

    /// Elementwise logical not: a bool tensor.
    public func not(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_logical_not($0) }, file, line)
    }
}
