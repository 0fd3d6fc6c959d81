/* The module's functions: everything that makes a Spline. */
#include "py_core.h"

#include <string.h>

#include "sc_line.h"

/* waypoints(dof, times, positions, velocities, accelerations or None): Spline. */
static PyObject *
waypoints(PyObject *module, PyObject *args)
{
    PyObject *times, *positions, *velocities, *accelerations;
    Py_ssize_t dof;
    Py_buffer views[4];
    if (!PyArg_ParseTuple(args, "nOOOO:waypoints", &dof, &times, &positions, &velocities,
                          &accelerations)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF) {
        return PyErr_Format(PyExc_ValueError, "a trajectory has 1 to %d joints, not %zd",
                            SC_MAX_DOF, dof);
    }
    if (core_doubles(times, &views[0], 0, -1, "times") != 0) {
        return NULL;
    }
    Py_ssize_t n = views[0].len / (Py_ssize_t)sizeof(double);
    const core_request requests[3] = {{positions, 0, n * dof, "positions"},
                                      {velocities, 0, n * dof, "velocities"},
                                      {accelerations, 0, n * dof, "accelerations"}};
    size_t given = accelerations == Py_None ? 2 : 3;
    if (core_gather(requests, given, views + 1) != 0) {
        PyBuffer_Release(&views[0]);
        return NULL;
    }
    spline_object *result =
        core_spline_new(PyModule_GetState(module), (size_t)dof, n > 1 ? (size_t)(n - 1) : 1);
    sc_status status = SC_NO_MEMORY;
    if (result != NULL) {
        Py_BEGIN_ALLOW_THREADS status =
            sc_spline_waypoints(&result->spline, (size_t)n, views[0].buf, views[1].buf,
                                views[2].buf, given == 3 ? views[3].buf : NULL);
        Py_END_ALLOW_THREADS
    }
    core_release(views, given + 1);
    if (result != NULL && status != SC_OK) {
        Py_CLEAR(result);
        core_raise("waypoints", status);
    }
    return (PyObject *)result;
}

/* join(first, second): Spline, the second after the first; the states are not compared. */
static PyObject *
join(PyObject *module, PyObject *args)
{
    core_state *state = PyModule_GetState(module);
    spline_object *first, *second;
    if (!PyArg_ParseTuple(args, "O!O!:join", state->spline_type, &first, state->spline_type,
                          &second)) {
        return NULL;
    }
    const sc_spline *a = &first->spline, *b = &second->spline;
    if (a->dof != b->dof) {
        return PyErr_Format(PyExc_ValueError, "trajectories of %zu and %zu joints", a->dof, b->dof);
    }
    spline_object *result = core_spline_new(state, a->dof, a->segments + b->segments);
    if (result == NULL) {
        return NULL;
    }
    sc_status status = SC_OK;
    Py_BEGIN_ALLOW_THREADS const sc_spline *parts[2] = {a, b};
    for (size_t i = 0; i < 2 && status == SC_OK; i++) {
        status = sc_spline_push_part(&result->spline, parts[i], 0.0, INFINITY);
    }
    if (status == SC_OK && result->spline.segments == 0) {
        status = sc_spline_push_rest(&result->spline, 0.0, a->end[0]);
    }
    Py_END_ALLOW_THREADS if (status != SC_OK)
    {
        Py_DECREF(result);
        return core_raise("join", status);
    }
    memcpy(result->spline.end, b->end, sizeof b->end);
    core_spline_trim(result);
    return (PyObject *)result;
}

/* The C side of line(), once the buffers are there. */
static PyObject *
run_line(core_state *state, const sc_chain *chain, uint32_t held, const Py_buffer *views)
{
    const double *tool = views[4].buf;
    sc_line_request request = {.held = held};
    sc_frame_from_matrix(views[0].buf, &request.start);
    sc_frame_from_matrix(views[1].buf, &request.goal);
    memcpy(request.translation, tool, sizeof request.translation);
    memcpy(request.rotation, tool + 3, sizeof request.rotation);
    sc_line_work *work = PyMem_RawMalloc(sizeof *work);
    spline_object *result = core_spline_new(state, chain->dof, SC_LINE_SEGMENTS);
    if (work == NULL || result == NULL) {
        PyMem_RawFree(work);
        Py_XDECREF(result);
        return PyErr_NoMemory();
    }
    sc_limits limits = core_limits(views[3].buf, chain->dof);
    sc_line_failure failure = {0.0, 0};
    sc_status status;
    Py_BEGIN_ALLOW_THREADS status =
        sc_line_plan(chain, &limits, &request, views[2].buf, work, &result->spline, &failure);
    Py_END_ALLOW_THREADS PyMem_RawFree(work);
    if (status == SC_OK) {
        core_spline_trim(result);
        return Py_BuildValue("(Nsdn)", result, "ok", 1.0, (Py_ssize_t)0);
    }
    Py_DECREF(result);
    return Py_BuildValue("(Osdn)", Py_None, sc_status_text(status), failure.s,
                         (Py_ssize_t)failure.joint);
}

/* line(chain, start, goal, seed, limits, tool, held): (Spline or None, status, s, joint). */
static PyObject *
line(PyObject *module, PyObject *args)
{
    core_state *state = PyModule_GetState(module);
    PyObject *object, *start, *goal, *seed, *limits, *tool;
    unsigned int held;
    if (!PyArg_ParseTuple(args, "O!OOOOOI:line", state->chain_type, &object, &start, &goal, &seed,
                          &limits, &tool, &held)) {
        return NULL;
    }
    const sc_chain *chain = &((chain_object *)object)->chain;
    Py_ssize_t dof = (Py_ssize_t)chain->dof;
    const core_request requests[5] = {{start, 0, 16, "pose_a"},
                                      {goal, 0, 16, "pose_b"},
                                      {seed, 0, dof, "seed"},
                                      {limits, 0, 5 * dof, "limits"},
                                      {tool, 0, 6, "tool limits"}};
    Py_buffer views[5];
    if (core_gather(requests, 5, views) != 0) {
        return NULL;
    }
    PyObject *result = run_line(state, chain, held, views);
    core_release(views, 5);
    return result;
}

/* first_not_finite(array): flat index, or -1. */
static PyObject *
first_not_finite(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Py_buffer view;
    if (core_doubles(argument, &view, 0, -1, "array") != 0) {
        return NULL;
    }
    const double *values = view.buf;
    Py_ssize_t n = view.len / (Py_ssize_t)sizeof(double), found = -1;
    for (Py_ssize_t i = 0; i < n && found < 0; i++) {
        found = isfinite(values[i]) ? -1 : i;
    }
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(found);
}

/* outside(position, limits (5, dof), slack): the first joint outside its limits, or -1. */
static PyObject *
outside(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *position, *rows;
    double slack;
    Py_buffer views[2];
    if (!PyArg_ParseTuple(args, "OOd:outside", &position, &rows, &slack) ||
        core_doubles(position, &views[0], 0, -1, "position") != 0) {
        return NULL;
    }
    Py_ssize_t dof = views[0].len / (Py_ssize_t)sizeof(double), found = -1;
    if (core_doubles(rows, &views[1], 0, 5 * dof, "limits") != 0) {
        PyBuffer_Release(&views[0]);
        return NULL;
    }
    const double *q = views[0].buf, *lower = views[1].buf, *upper = lower + dof;
    for (Py_ssize_t i = 0; i < dof && found < 0; i++) {
        found = q[i] >= lower[i] - slack && q[i] <= upper[i] + slack ? -1 : i;
    }
    core_release(views, 2);
    return PyLong_FromSsize_t(found);
}

PyMethodDef core_functions[] = {
    {"first_not_finite", first_not_finite, METH_O, "first_not_finite(array): index or -1"},
    {"outside", outside, METH_VARARGS, "outside(position, limits (5, dof), slack): joint or -1"},
    {"point_to_point", CORE_FASTCALL(core_point_to_point), METH_FASTCALL,
     "point_to_point(start, goal, limits (5, dof), duration or 0): Motion, or why not"},
    {"durations", CORE_FASTCALL(core_durations), METH_FASTCALL,
     "durations(starts (m, 3, dof), goals (m, 3, dof), limits (5, dof), out (m,))"},
    {"waypoints", waypoints, METH_VARARGS,
     "waypoints(dof, times, positions, velocities, accelerations or None): Spline"},
    {"line", line, METH_VARARGS,
     "line(chain, start, goal, seed, limits (5, dof), tool (6,), held): "
     "(Spline or None, status, s, joint)"},
    {"through", core_through, METH_VARARGS,
     "through(dof, waypoints (k, dof), ends (4, dof), limits (5, dof)): "
     "(Spline or None, violation or None)"},
    {"join", join, METH_VARARGS, "join(first, second): Spline"},
    {"ring_size", core_ring_size, METH_VARARGS, "ring_size(dof, capacity): bytes"},
    {"ring_make", core_ring_make, METH_VARARGS, "ring_make(memory, dof, capacity, period)"},
    {"ring_shape", core_ring_shape, METH_O, "ring_shape(memory): (dof, capacity, newest)"},
    {"ring_read", core_ring_read, METH_VARARGS, "ring_read(memory, sequence): bytes or None"},
    {NULL, NULL, 0, NULL},
};
