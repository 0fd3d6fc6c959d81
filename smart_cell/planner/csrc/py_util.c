/* Buffer and error helpers of the binding. */
#include "py_core.h"

#include <string.h>

int
core_doubles(PyObject *object, Py_buffer *view, int writable, Py_ssize_t count, const char *name)
{
    int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, view, flags) != 0) {
        return -1;
    }
    if (view->itemsize != (Py_ssize_t)sizeof(double) || view->format == NULL ||
        strcmp(view->format, "d") != 0) {
        PyErr_Format(PyExc_TypeError, "%s must be an array of float64, not of format '%s'", name,
                     view->format != NULL ? view->format : "B");
        PyBuffer_Release(view);
        return -1;
    }
    if (count >= 0 && view->len != count * (Py_ssize_t)sizeof(double)) {
        PyErr_Format(PyExc_ValueError, "%s must hold %zd values, not %zd", name, count,
                     view->len / (Py_ssize_t)sizeof(double));
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

int
core_gather(const core_request *requests, size_t n, Py_buffer *views)
{
    for (size_t i = 0; i < n; i++) {
        if (core_doubles(requests[i].object, &views[i], requests[i].writable, requests[i].count,
                         requests[i].name) != 0) {
            core_release(views, i);
            return -1;
        }
    }
    return 0;
}

void
core_release(Py_buffer *views, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        PyBuffer_Release(&views[i]);
    }
}

int
core_arguments(const char *function, Py_ssize_t given, Py_ssize_t expected)
{
    if (given != expected) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd", function, expected, given);
        return -1;
    }
    return 0;
}

int
core_sort_arguments(const char *const *names, Py_ssize_t required, Py_ssize_t positional,
                    PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **values)
{
    if (nargs > positional) {
        PyErr_Format(PyExc_TypeError, "takes at most %zd positional arguments, not %zd", positional,
                     nargs);
        return -1;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        values[i] = args[i];
    }
    Py_ssize_t named = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t k = 0; k < named; k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        Py_ssize_t i = 0;
        while (names[i] != NULL && PyUnicode_CompareWithASCIIString(name, names[i]) != 0) {
            i++;
        }
        if (names[i] == NULL || values[i] != NULL) {
            PyErr_Format(PyExc_TypeError, "unknown or repeated argument %R", name);
            return -1;
        }
        values[i] = args[nargs + k];
    }
    for (Py_ssize_t i = 0; i < required; i++) {
        if (values[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "argument %s is missing", names[i]);
            return -1;
        }
    }
    return 0;
}

PyObject *
core_raise(const char *where, sc_status status)
{
    if (status == SC_NO_MEMORY) {
        return PyErr_NoMemory();
    }
    return PyErr_Format(PyExc_ValueError, "%s: %s", where, sc_status_text(status));
}

sc_limits
core_limits(const double *rows, size_t dof)
{
    sc_limits limits = {rows, rows + dof, rows + 2 * dof, rows + 3 * dof, rows + 4 * dof};
    return limits;
}

PyObject *
core_violation(const sc_violation *v)
{
    static const char *const names[] = {"position", "velocity", "acceleration", "jerk",
                                        "continuity"};
    return Py_BuildValue("(nsddd)", (Py_ssize_t)v->joint, names[v->quantity], v->value, v->limit,
                         v->time);
}
