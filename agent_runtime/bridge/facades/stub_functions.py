"""The sync form of one function as a stub writes it, from the source of the async one."""

from __future__ import annotations

import ast
import copy

from agent_runtime.bridge.facades.members import sync_name
from agent_runtime.bridge.facades.signatures import SYNC_FORMS
from agent_runtime.bridge.facades.stub_names import Scope, last_name, unquoted

__all__ = ("AnyFunction", "that_count", "write_function")

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
_ACCESSORS = {"deleter", "property", "setter"}
_KEPT = {"classmethod", "overload", "staticmethod", *_ACCESSORS}


def write_function(
    node: AnyFunction,
    scope: Scope,
    *,
    name: str | None = None,
    is_method: bool = False,
    item: ast.expr | None = None,
) -> ast.FunctionDef:
    """Return the sync form of a function, an overload or a method.

    Args:
        node: the source of the async one.
        scope: where it was written.
        name: of the sync form, if not the same.
        is_method: whether it is one of a class.
        item: what ``__anext__`` of that class returns, as the source has it.
    """
    parameters = getattr(node, "type_params", [])
    scope = scope.with_own({each.name: each.name for each in parameters})
    if is_method:
        scope = scope.with_own(_own_type(node, scope))
    docstring = ast.get_docstring(node, clean=False)
    stub = ast.FunctionDef(
        name=name or sync_name(node.name),
        args=_arguments(node, scope, is_method=is_method),
        body=[ast.Expr(ast.Constant(each)) for each in (docstring, ...) if each is not None],
        decorator_list=[kept for each in node.decorator_list for kept in _decorator(each, scope)],
        returns=_iterator(node, item, scope) if node.name == "__aiter__" else _returned(node, scope),
    )
    stub.type_params = copy.deepcopy(parameters)  # type: ignore[attr-defined,unused-ignore]  # Python 3.12
    return ast.fix_missing_locations(stub)


def that_count(nodes: list[AnyFunction]) -> list[AnyFunction]:
    """Return those of the functions of one name that a stub needs: overloads all, else the last one.

    The first overload gets the docstring of the function itself.
    """
    marks = [set(map(last_name, node.decorator_list)) for node in nodes]
    overloads = [node for node, marked in zip(nodes, marks, strict=True) if "overload" in marked]
    if overloads:
        docstring = ast.get_docstring(nodes[-1], clean=False)
        if docstring and not ast.get_docstring(overloads[0]):
            overloads[0].body.insert(0, ast.Expr(ast.Constant(docstring)))
        return overloads
    accessors = [node for node, marked in zip(nodes, marks, strict=True) if marked & _ACCESSORS]
    return accessors if len(accessors) > 1 else nodes[-1:]


def _own_type(node: AnyFunction, scope: Scope) -> dict[str, str]:
    """Return the type variable, if any, by which a method speaks of its own object's type."""
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    if first is None or first.annotation is None or first.arg not in ("self", "cls"):
        return {}
    annotation = unquoted(first.annotation)
    if isinstance(annotation, ast.Subscript):  # cls: type[T]
        annotation = annotation.slice
    is_name = isinstance(annotation, ast.Name) and annotation.id != "Self"
    return {ast.unparse(annotation): scope.names.use("typing", "Self")} if is_name else {}


def _arguments(node: AnyFunction, scope: Scope, *, is_method: bool) -> ast.arguments:
    """Translate the annotations; of defaults, keep those that any module can write."""
    arguments = copy.deepcopy(node.args)
    listed = [*arguments.posonlyargs, *arguments.args]
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    bound = is_method and "staticmethod" not in map(last_name, node.decorator_list)
    for argument in [*listed, *arguments.kwonlyargs, *rest]:
        if bound and listed and argument is listed[0]:
            argument.annotation = None
        elif argument.annotation is None:
            argument.annotation = scope.names.any()
        else:
            argument.annotation = scope.taken(argument.annotation)
    arguments.defaults = [_default(each) for each in arguments.defaults]
    arguments.kw_defaults = [each and _default(each) for each in arguments.kw_defaults]
    return arguments


def _default(node: ast.expr) -> ast.expr:
    """Return a default as it is if it is a number, a text or the like, and ``...`` for all else."""
    is_number = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
    return node if is_number or isinstance(node, ast.Constant) else ast.Constant(...)


def _returned(node: AnyFunction, scope: Scope) -> ast.expr:
    """Translate the return annotation, un-awaited."""
    if node.name == "__init__":
        return ast.Constant(None)
    returned = unquoted(node.returns) if node.returns is not None else None
    if isinstance(node, ast.AsyncFunctionDef) and not _has_yield(node):
        return scope.names.any() if returned is None else scope.given(returned)
    if returned is None:
        return scope.names.any()
    head = returned.value if isinstance(returned, ast.Subscript) else returned
    if "asynccontextmanager" in map(last_name, node.decorator_list):
        form: type | None = SYNC_FORMS["AsyncContextManager"]
    elif last_name(head) in SYNC_FORMS:
        form = SYNC_FORMS[last_name(head)]
    else:
        return scope.given(returned)
    inside = _inside(returned)
    if form is None:
        return scope.given(inside[-1]) if inside else scope.names.any()
    given = scope.given(inside[0]) if inside else scope.names.any()
    return ast.Subscript(scope.names.name(form.__module__, form.__name__), given)


def _iterator(node: AnyFunction, item: ast.expr | None, scope: Scope) -> ast.expr:
    """Return what ``__iter__`` returns: an iterator of what the async one gives, as far as that is said."""
    inside = _inside(unquoted(node.returns)) if node.returns is not None else []
    given = [scope.given(each) for each in (*inside[:1], item) if each is not None] or [scope.names.any()]
    return ast.Subscript(scope.names.name("collections.abc", "Iterator"), given[0])


def _inside(node: ast.expr) -> list[ast.expr]:
    """Return what stands in the brackets of an annotation."""
    if not isinstance(node, ast.Subscript):
        return []
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _decorator(node: ast.expr, scope: Scope) -> list[ast.expr]:
    """Keep the decorators that a type checker has to know."""
    last = last_name(node)
    if last == "cached_property":
        return [ast.Name("property")]
    if last not in _KEPT:
        return []
    return [scope.names.name("typing", "overload")] if last == "overload" else [node]


def _has_yield(node: ast.AST) -> bool:
    """Whether a function, and none inside it, yields."""
    inside = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    return any(
        isinstance(child, ast.Yield) or (not isinstance(child, inside) and _has_yield(child))
        for child in ast.iter_child_nodes(node)
    )
