/* The State type: position, velocity and acceleration of some joints, checked and copied once. */
#include "py_core.h"

#include <string.h>

/* Copies a list or tuple of floats; returns their number, or -1 for anything else. */
static Py_ssize_t
copy_floats(PyObject *object, double *out)
{
    bool list = PyList_CheckExact(object);
    Py_ssize_t n = list                         ? PyList_GET_SIZE(object)
                   : PyTuple_CheckExact(object) ? PyTuple_GET_SIZE(object)
                                                : 0;
    for (Py_ssize_t i = 0; i < n && n <= SC_MAX_DOF; i++) {
        PyObject *item = list ? PyList_GET_ITEM(object, i) : PyTuple_GET_ITEM(object, i);
        if (!PyFloat_CheckExact(item)) {
            return -1;
        }
        out[i] = PyFloat_AS_DOUBLE(item);
    }
    return n >= 1 && n <= SC_MAX_DOF ? n : -1;
}

/* Copies a vector of float64; returns the number of values, or -1 for anything else. */
static Py_ssize_t
copy_buffer(PyObject *object, double *out)
{
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
        PyErr_Clear();
        return -1;
    }
    Py_ssize_t n = view.len / (Py_ssize_t)sizeof(double);
    if (view.ndim == 1 && view.format != NULL && strcmp(view.format, "d") == 0 && n >= 1 &&
        n <= SC_MAX_DOF) {
        memcpy(out, view.buf, (size_t)view.len);
    }
    else {
        n = -1;
    }
    PyBuffer_Release(&view);
    return n;
}

/* Copies one row of dof values; NULL or None is zero. *dof is set by the first row. Returns 0, or
 * -1 without an exception where the object is not a fitting array of moderate numbers. */
static int
fill(PyObject *object, double largest, Py_ssize_t *dof, double *out)
{
    if (object == NULL || object == Py_None) {
        memset(out, 0, (size_t)*dof * sizeof(double));
        return 0;
    }
    bool sequence = PyList_CheckExact(object) || PyTuple_CheckExact(object);
    Py_ssize_t n = sequence ? copy_floats(object, out) : copy_buffer(object, out);
    if (n < 0 || (*dof >= 0 && n != *dof)) {
        return -1;
    }
    *dof = n;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!(out[i] >= -largest && out[i] <= largest)) {
            return -1;
        }
    }
    return 0;
}

/* Fills all rows from `rows`, the last two of which may be NULL. */
static int
fill_all(state_object *self, PyObject *const rows[3])
{
    double values[4 * SC_MAX_DOF]; /* a row of a wrong length may go beyond the third */
    Py_ssize_t dof = -1;
    for (size_t level = 0; level < 3; level++) {
        double largest = level == 0 ? CORE_LARGEST_POSITION : DBL_MAX;
        if (rows[0] == NULL || rows[0] == Py_None ||
            fill(rows[level], largest, &dof, values + (level > 0 ? (Py_ssize_t)level * dof : 0)) !=
                0) {
            return -1;
        }
    }
    self->dof = (size_t)dof;
    self->data =
        PyBytes_FromStringAndSize((const char *)values, 3 * dof * (Py_ssize_t)sizeof(double));
    return self->data == NULL ? -1 : 0;
}

/* State(position, velocity=None, acceleration=None). What is no vector of floats goes through the
 * class's `_convert`, which returns three such arrays or raises. */
static PyObject *
state_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"position", "velocity", "acceleration", NULL};
    PyObject *rows[3] = {NULL, NULL, NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OO:State", names, &rows[0], &rows[1],
                                     &rows[2])) {
        return NULL;
    }
    state_object *self = (state_object *)type->tp_alloc(type, 0);
    if (self == NULL || fill_all(self, rows) == 0) {
        return (PyObject *)self;
    }
    if (!PyErr_Occurred()) {
        PyObject *converted = PyObject_CallMethod((PyObject *)type, "_convert", "OOO", rows[0],
                                                  rows[1] != NULL ? rows[1] : Py_None,
                                                  rows[2] != NULL ? rows[2] : Py_None);
        if (converted != NULL &&
            PyArg_ParseTuple(converted, "OOO:_convert", &rows[0], &rows[1], &rows[2]) &&
            fill_all(self, rows) != 0 && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "_convert returned no three float64 arrays");
        }
        Py_XDECREF(converted);
    }
    if (PyErr_Occurred()) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void
state_dealloc(PyObject *object)
{
    state_object *self = (state_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    Py_XDECREF(self->data);
    for (size_t level = 0; level < 3; level++) {
        Py_XDECREF(self->rows[level]);
    }
    type->tp_free(object);
    Py_DECREF(type);
}

/* One row as a read-only array: made by the class's `_row` when first asked for. */
static PyObject *
get_row(PyObject *object, void *level)
{
    state_object *self = (state_object *)object;
    size_t k = (size_t)(uintptr_t)level;
    if (self->rows[k] == NULL) {
        self->rows[k] = PyObject_CallMethod((PyObject *)Py_TYPE(object), "_row", "Onn", self->data,
                                            (Py_ssize_t)self->dof,
                                            (Py_ssize_t)(k * self->dof * sizeof(double)));
    }
    return Py_XNewRef(self->rows[k]);
}

static PyObject *
get_dof(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((state_object *)self)->dof);
}

static PyObject *
get_at_rest(PyObject *object, void *Py_UNUSED(closure))
{
    const state_object *self = (state_object *)object;
    const double *values = core_state_values(self);
    bool rest = true;
    for (size_t i = self->dof; i < 3 * self->dof; i++) {
        rest = rest && values[i] == 0.0;
    }
    return PyBool_FromLong(rest);
}

static PyGetSetDef state_getset[] = {
    {"position", get_row, NULL, "[rad or m], shape (n,), read-only", (void *)0},
    {"velocity", get_row, NULL, "[rad/s or m/s], shape (n,), read-only", (void *)1},
    {"acceleration", get_row, NULL, "[rad/s^2 or m/s^2], shape (n,), read-only", (void *)2},
    {"dof", get_dof, NULL, "Number of joints.", NULL},
    {"at_rest", get_at_rest, NULL, "Whether velocity and acceleration are zero.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot state_slots[] = {
    {Py_tp_new, CORE_SLOT(state_new)},
    {Py_tp_dealloc, CORE_SLOT(state_dealloc)},
    {Py_tp_getset, state_getset},
    {Py_tp_doc, "Base of smart_cell.planner.State; immutable."},
    {0, NULL},
};

static PyType_Spec state_spec = {
    .name = "smart_cell.planner._core.State",
    .basicsize = sizeof(state_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = state_slots,
};

int
core_add_state(PyObject *module, core_state *state)
{
    state->state_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &state_spec, NULL);
    return state->state_type == NULL ? -1 : PyModule_AddType(module, state->state_type);
}
