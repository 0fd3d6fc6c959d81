/* The Spline type: one trajectory, immutable once it has left the function that made it. */
#include "py_core.h"

#include <string.h>

spline_object *
core_spline_new(core_state *state, size_t dof, size_t capacity)
{
    PyTypeObject *type = state->spline_type;
    spline_object *self = (spline_object *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->spline.dof = dof;
    self->spline.capacity = capacity;
    self->spline.breaks = PyMem_RawCalloc(capacity + 1, sizeof(double));
    self->spline.coeff = PyMem_RawCalloc(capacity * dof * SC_POLY, sizeof(double));
    if (self->spline.breaks == NULL || self->spline.coeff == NULL) {
        Py_DECREF(self);
        PyErr_NoMemory();
        return NULL;
    }
    return self;
}

void
core_spline_trim(spline_object *self)
{
    sc_spline *s = &self->spline;
    double *breaks = PyMem_RawRealloc(s->breaks, (s->segments + 1) * sizeof(double));
    s->breaks = breaks != NULL ? breaks : s->breaks;
    double *coeff = PyMem_RawRealloc(s->coeff, s->segments * s->dof * SC_POLY * sizeof(double));
    s->coeff = coeff != NULL ? coeff : s->coeff;
    s->capacity = s->segments;
}

static void
spline_dealloc(PyObject *object)
{
    spline_object *self = (spline_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_RawFree(self->spline.breaks);
    PyMem_RawFree(self->spline.coeff);
    type->tp_free(object);
    Py_DECREF(type);
}

/* sample(times, out): out is (4, m, dof): positions, velocities, accelerations, jerks. */
static PyObject *
spline_sample(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    const sc_spline *s = &((spline_object *)object)->spline;
    Py_buffer times, out;
    if (core_arguments("sample", nargs, 2) != 0 || core_doubles(args[0], &times, 0, -1, "t") != 0) {
        return NULL;
    }
    Py_ssize_t n = times.len / (Py_ssize_t)sizeof(double);
    if (core_doubles(args[1], &out, 1, 4 * n * (Py_ssize_t)s->dof, "out") != 0) {
        PyBuffer_Release(&times);
        return NULL;
    }
    const double *t = times.buf;
    double *rows = out.buf;
    size_t plane = (size_t)n * s->dof, hint = 0;
    Py_BEGIN_ALLOW_THREADS for (size_t k = 0; k < (size_t)n; k++)
    {
        double *at = rows + k * s->dof;
        sc_spline_sample(s, t[k], &hint, at, at + plane, at + 2 * plane, at + 3 * plane);
    }
    Py_END_ALLOW_THREADS PyBuffer_Release(&out);
    PyBuffer_Release(&times);
    Py_RETURN_NONE;
}

/* sample_one(t, out): out is (4, dof). */
static PyObject *
spline_sample_one(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    const sc_spline *s = &((spline_object *)object)->spline;
    Py_buffer out;
    if (core_arguments("sample_one", nargs, 2) != 0) {
        return NULL;
    }
    double t = PyFloat_AsDouble(args[0]);
    if ((t == -1.0 && PyErr_Occurred()) ||
        core_doubles(args[1], &out, 1, 4 * (Py_ssize_t)s->dof, "out") != 0) {
        return NULL;
    }
    double *at = out.buf;
    size_t hint = 0;
    sc_spline_sample(s, t, &hint, at, at + s->dof, at + 2 * s->dof, at + 3 * s->dof);
    PyBuffer_Release(&out);
    Py_RETURN_NONE;
}

/* copy_out(breaks, coefficients, end): fills (segments + 1,), (segments, dof, 6), (3, dof). */
static PyObject *
spline_copy_out(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    const sc_spline *s = &((spline_object *)object)->spline;
    if (core_arguments("copy_out", nargs, 3) != 0) {
        return NULL;
    }
    Py_ssize_t segments = (Py_ssize_t)s->segments, dof = (Py_ssize_t)s->dof;
    const core_request requests[3] = {{args[0], 1, segments + 1, "breaks"},
                                      {args[1], 1, segments * dof * SC_POLY, "coefficients"},
                                      {args[2], 1, 3 * dof, "end"}};
    Py_buffer views[3];
    if (core_gather(requests, 3, views) != 0) {
        return NULL;
    }
    memcpy(views[0].buf, s->breaks, (size_t)views[0].len);
    memcpy(views[1].buf, s->coeff, (size_t)views[1].len);
    for (size_t level = 0; level < 3; level++) {
        memcpy((double *)views[2].buf + level * s->dof, s->end[level], s->dof * sizeof(double));
    }
    core_release(views, 3);
    Py_RETURN_NONE;
}

/* check(limits, tolerance, with_jerk): None or (joint, quantity, value, limit, time). */
static PyObject *
spline_check(PyObject *object, PyObject *args)
{
    const sc_spline *s = &((spline_object *)object)->spline;
    PyObject *rows;
    double tolerance;
    int with_jerk;
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "Odp:check", &rows, &tolerance, &with_jerk) ||
        core_doubles(rows, &view, 0, 5 * (Py_ssize_t)s->dof, "limits") != 0) {
        return NULL;
    }
    sc_limits limits = core_limits(view.buf, s->dof);
    sc_violation worst;
    sc_status status;
    Py_BEGIN_ALLOW_THREADS status = sc_spline_check(s, &limits, tolerance, with_jerk != 0, &worst);
    Py_END_ALLOW_THREADS PyBuffer_Release(&view);
    if (status == SC_OK) {
        Py_RETURN_NONE;
    }
    return core_violation(&worst);
}

/* extrema(out): out is (5, dof): lowest, highest, largest velocity, acceleration, jerk. */
static PyObject *
spline_extrema(PyObject *object, PyObject *argument)
{
    const sc_spline *s = &((spline_object *)object)->spline;
    Py_buffer view;
    if (core_doubles(argument, &view, 1, 5 * (Py_ssize_t)s->dof, "out") != 0) {
        return NULL;
    }
    double *out = view.buf;
    Py_BEGIN_ALLOW_THREADS for (size_t i = 0; i < s->dof; i++)
    {
        sc_extrema e = sc_spline_extrema(s, i);
        const double values[5] = {e.lowest, e.highest, e.largest[0], e.largest[1], e.largest[2]};
        for (size_t k = 0; k < 5; k++) {
            out[k * s->dof + i] = values[k];
        }
    }
    Py_END_ALLOW_THREADS PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *
get_duration(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(sc_spline_duration(&((spline_object *)self)->spline));
}

static PyObject *
get_dof(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((spline_object *)self)->spline.dof);
}

static PyObject *
get_segments(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((spline_object *)self)->spline.segments);
}

static PyGetSetDef spline_getset[] = {
    {"duration", get_duration, NULL, "seconds", NULL},
    {"dof", get_dof, NULL, "number of joints", NULL},
    {"segments", get_segments, NULL, "number of polynomial segments", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef spline_methods[] = {
    {"sample", (PyCFunction)(void (*)(void))spline_sample, METH_FASTCALL,
     "sample(times, out (4, m, dof))"},
    {"sample_one", (PyCFunction)(void (*)(void))spline_sample_one, METH_FASTCALL,
     "sample_one(t, out (4, dof))"},
    {"copy_out", (PyCFunction)(void (*)(void))spline_copy_out, METH_FASTCALL,
     "copy_out(breaks, coefficients, end)"},
    {"check", spline_check, METH_VARARGS,
     "check(limits (5, dof), tolerance, with_jerk): None or (joint, quantity, value, limit, time)"},
    {"extrema", spline_extrema, METH_O, "extrema(out (5, dof))"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot spline_slots[] = {
    {Py_tp_dealloc, CORE_SLOT(spline_dealloc)},
    {Py_tp_methods, spline_methods},
    {Py_tp_getset, spline_getset},
    {Py_tp_doc, "One trajectory; made by the module's functions, immutable."},
    {0, NULL},
};

static PyType_Spec spline_spec = {
    .name = "smart_cell.planner._core.Spline",
    .basicsize = sizeof(spline_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = spline_slots,
};

int
core_add_spline(PyObject *module, core_state *state)
{
    state->spline_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spline_spec, NULL);
    return state->spline_type == NULL ? -1 : PyModule_AddType(module, state->spline_type);
}
