/* Binding of the motion through waypoints. */
#include "py_core.h"

#include "sc_through.h"

static PyObject *
answer(spline_object *result, sc_status status, const sc_violation *worst)
{
    if (status == SC_OK) {
        return Py_BuildValue("(NO)", result, Py_None);
    }
    Py_DECREF(result);
    if (status == SC_LIMIT_EXCEEDED) {
        return Py_BuildValue("(ON)", Py_None, core_violation(worst));
    }
    if (status == SC_NOT_CONVERGED) {
        return Py_BuildValue("(OO)", Py_None, Py_None);
    }
    return core_raise("through", status);
}

/* Plans into `result`, which it takes; views: waypoints, ends, limits. */
static PyObject *
plan(spline_object *result, const Py_buffer views[3], size_t count, size_t dof)
{
    double *work = PyMem_RawMalloc(sc_through_doubles(dof, count) * sizeof(double));
    if (work == NULL) {
        Py_DECREF(result);
        return PyErr_NoMemory();
    }
    const double *rows = views[1].buf;
    sc_through_ends ends = {{rows, rows + dof}, {rows + 2 * dof, rows + 3 * dof}};
    sc_limits limits = core_limits(views[2].buf, dof);
    sc_violation worst = {0};
    sc_status status;
    Py_BEGIN_ALLOW_THREADS status =
        sc_through_plan(count, views[0].buf, &ends, &limits, work, &result->spline, &worst);
    Py_END_ALLOW_THREADS PyMem_RawFree(work);
    return answer(result, status, &worst);
}

PyObject *
core_through(PyObject *module, PyObject *args)
{
    PyObject *waypoints, *ends, *limits;
    Py_ssize_t dof;
    Py_buffer views[3];
    if (!PyArg_ParseTuple(args, "nOOO:through", &dof, &waypoints, &ends, &limits)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF) {
        return PyErr_Format(PyExc_ValueError, "waypoints have 1 to %d joints, not %zd", SC_MAX_DOF,
                            dof);
    }
    const core_request requests[3] = {{waypoints, 0, -1, "waypoints"},
                                      {ends, 0, 4 * dof, "ends"},
                                      {limits, 0, 5 * dof, "limits"}};
    if (core_gather(requests, 3, views) != 0) {
        return NULL;
    }
    Py_ssize_t count = views[0].len / (Py_ssize_t)sizeof(double) / dof;
    PyObject *made = NULL;
    if (count < 2 || views[0].len != count * dof * (Py_ssize_t)sizeof(double)) {
        PyErr_SetString(PyExc_ValueError, "waypoints must be (k, dof) with k >= 2");
    }
    else {
        spline_object *result = core_spline_new(PyModule_GetState(module), (size_t)dof,
                                                SC_THROUGH_SEGMENTS((size_t)count));
        made = result == NULL ? NULL : plan(result, views, (size_t)count, (size_t)dof);
    }
    core_release(views, 3);
    return made;
}
