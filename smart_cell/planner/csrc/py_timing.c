/* The module's functions for geometric paths and their timing. */
#include "py_core.h"

#include "sc_path.h"
#include "sc_timing.h"

/* path_through(points, parameters, dof): Spline. */
static PyObject *
path_through(PyObject *module, PyObject *args)
{
    PyObject *points, *parameters;
    Py_ssize_t dof;
    Py_buffer views[2];
    if (!PyArg_ParseTuple(args, "OOn:path_through", &points, &parameters, &dof)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF) {
        return PyErr_Format(PyExc_ValueError, "a path has 1 to %d joints, not %zd", SC_MAX_DOF,
                            dof);
    }
    if (core_doubles(parameters, &views[0], 0, -1, "parameters") != 0) {
        return NULL;
    }
    Py_ssize_t n = views[0].len / (Py_ssize_t)sizeof(double);
    if (n < 2 || core_doubles(points, &views[1], 0, n * dof, "points") != 0) {
        PyBuffer_Release(&views[0]);
        return n < 2 ? core_raise("path_through", SC_BAD_ARGUMENT) : NULL;
    }
    spline_object *result =
        core_spline_new(PyModule_GetState(module), (size_t)dof, (size_t)(n - 1));
    sc_status status = SC_NO_MEMORY;
    if (result != NULL) {
        Py_BEGIN_ALLOW_THREADS status =
            sc_path_through((size_t)n, views[1].buf, views[0].buf, &result->spline);
        Py_END_ALLOW_THREADS
    }
    core_release(views, 2);
    if (result != NULL && status != SC_OK) {
        Py_CLEAR(result);
        core_raise("path_through", status);
    }
    return (PyObject *)result;
}

/* polyline(points, deviation, dof): Spline. */
static PyObject *
polyline(PyObject *module, PyObject *args)
{
    PyObject *points;
    Py_ssize_t dof;
    double deviation;
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "Odn:polyline", &points, &deviation, &dof)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF || !(deviation > 0.0)) {
        return core_raise("polyline", SC_BAD_ARGUMENT);
    }
    if (core_doubles(points, &view, 0, -1, "points") != 0) {
        return NULL;
    }
    Py_ssize_t values = view.len / (Py_ssize_t)sizeof(double), n = values / dof;
    if (n < 2 || n * dof != values) {
        PyBuffer_Release(&view);
        return core_raise("polyline", SC_BAD_ARGUMENT);
    }
    spline_object *result =
        core_spline_new(PyModule_GetState(module), (size_t)dof, SC_PATH_POLYLINE((size_t)n));
    sc_status status = SC_NO_MEMORY;
    if (result != NULL) {
        Py_BEGIN_ALLOW_THREADS status =
            sc_path_polyline((size_t)n, view.buf, deviation, &result->spline);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&view);
    if (result != NULL && status != SC_OK) {
        Py_CLEAR(result);
        core_raise("polyline", status);
    }
    if (result != NULL) {
        core_spline_trim(result);
    }
    return (PyObject *)result;
}

/* What along() tells: (Spline or None, status, cells, rounds, steps, slowed, highest start speed,
 * worst violation or None). */
static PyObject *
report_of(spline_object *result, sc_status status, const sc_timing_report *report)
{
    PyObject *worst;
    if (status == SC_OUT_OF_LIMITS) {
        worst = core_violation(&report->worst);
    }
    else {
        worst = Py_NewRef(Py_None);
    }
    if (worst == NULL) {
        Py_DECREF(result);
        return NULL;
    }
    PyObject *spline = (PyObject *)result;
    if (status != SC_OK) {
        Py_SETREF(spline, Py_NewRef(Py_None));
    }
    return Py_BuildValue("(NsniiddN)", spline, sc_status_text(status), (Py_ssize_t)report->cells,
                         report->rounds, report->steps, report->slowed, report->highest_start,
                         worst);
}

/* One attempt of along(), with room for so many quintics. */
static PyObject *
try_along(core_state *state, const sc_timing_request *request, size_t cells, size_t capacity,
          sc_status *status)
{
    size_t dof = request->path->dof;
    sc_timing_report report = {.cells = cells};
    spline_object *result = core_spline_new(state, dof, capacity);
    void *memory = PyMem_RawMalloc(sc_timing_space(cells, dof));
    if (result == NULL || memory == NULL) {
        PyMem_RawFree(memory);
        Py_XDECREF(result);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS *status =
        sc_timing_plan(request, cells, memory, &result->spline, &report);
    Py_END_ALLOW_THREADS PyMem_RawFree(memory);
    if (*status == SC_OK) {
        core_spline_trim(result);
    }
    return report_of(result, *status, &report);
}

/* The C side of along(), once the buffers are there. */
static PyObject *
run_along(core_state *state, const sc_timing_request *request)
{
    size_t count = sc_timing_count(request);
    sc_status status;
    if (count == 0) {
        return Py_BuildValue("(OsniiddO)", Py_None, sc_status_text(SC_NO_SPACE), (Py_ssize_t)0, 0,
                             0, 1.0, 0.0, Py_None);
    }
    PyObject *result = try_along(state, request, count, 2 * count, &status);
    if (result != NULL && status == SC_NO_SPACE) { /* many cells had to be cut */
        Py_DECREF(result);
        result = try_along(state, request, count, SC_TIMING_SPLITS * count, &status);
    }
    return result;
}

/* along(path, limits, chain or None, tool speed, start speed, start acceleration, end speed,
 * with_jerk, cells). */
static PyObject *
along(PyObject *module, PyObject *args)
{
    core_state *state = PyModule_GetState(module);
    spline_object *path;
    PyObject *limits, *chain;
    sc_timing_request request = {0};
    int with_jerk;
    Py_ssize_t cells;
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "O!OOddddpn:along", state->spline_type, &path, &limits, &chain,
                          &request.tool_speed, &request.start[0], &request.start[1],
                          &request.end_speed, &with_jerk, &cells)) {
        return NULL;
    }
    size_t dof = path->spline.dof;
    if (chain != Py_None) {
        if (!PyObject_TypeCheck(chain, state->chain_type)) {
            return PyErr_Format(PyExc_TypeError, "along takes a Chain or None");
        }
        request.chain = &((chain_object *)chain)->chain;
    }
    if (cells < 0 || cells > SC_TIMING_CELLS ||
        (request.chain != NULL && request.chain->dof != dof)) {
        return core_raise("along", SC_BAD_ARGUMENT);
    }
    if (core_doubles(limits, &view, 0, 5 * (Py_ssize_t)dof, "limits") != 0) {
        return NULL;
    }
    sc_limits rows = core_limits(view.buf, dof);
    request.path = &path->spline;
    request.limits = &rows;
    request.with_jerk = with_jerk != 0;
    request.cells = (size_t)cells;
    PyObject *result = run_along(state, &request);
    PyBuffer_Release(&view);
    return result;
}

/* part(spline, from, to): Spline, the part of another one from `from` on. */
static PyObject *
part(PyObject *module, PyObject *args)
{
    core_state *state = PyModule_GetState(module);
    spline_object *whole;
    double from, to;
    if (!PyArg_ParseTuple(args, "O!dd:part", state->spline_type, &whole, &from, &to)) {
        return NULL;
    }
    spline_object *result = core_spline_new(state, whole->spline.dof, whole->spline.segments);
    if (result == NULL) {
        return NULL;
    }
    sc_status status = sc_spline_push_part(&result->spline, &whole->spline, from, to);
    if (status != SC_OK || result->spline.segments == 0) {
        Py_DECREF(result);
        return core_raise("part", status != SC_OK ? status : SC_BAD_ARGUMENT);
    }
    sc_spline_close(&result->spline);
    core_spline_trim(result);
    return (PyObject *)result;
}

PyMethodDef core_timing_functions[] = {
    {"part", part, METH_VARARGS, "part(spline, from, to): Spline"},
    {"path_through", path_through, METH_VARARGS,
     "path_through(points, parameters, dof): Spline over s"},
    {"polyline", polyline, METH_VARARGS, "polyline(points, deviation, dof): Spline over s"},
    {"along", along, METH_VARARGS,
     "along(path, limits (5, dof), chain or None, tool speed, start speed, start acceleration, "
     "end speed, with_jerk, cells or 0): (Spline or None, status, cells, rounds, steps, slowed, "
     "highest start speed, violation or None)"},
    {NULL, NULL, 0, NULL},
};
